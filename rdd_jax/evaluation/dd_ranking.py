"""DD-Ranking's scores: what a set gains beyond its labels and augmentation.

Li et al., DD-Ranking: Rethinking the Evaluation of Dataset Distillation, 2025;
package `ddranking` 0.2.0. Three deviations. Accuracies are fractions here:
theirs are per cent, by which the exponent is a hundred times larger and the
score leaves [0, 1]. Theirs picks learning rates and the best epoch on the test
rows; here all follow one recipe, and the last step counts. Improvements are
over random rows of the same run, not over stored numbers.
"""

from __future__ import annotations

import math

from rdd_jax.core.errors import UserError


def hard_label_recovery(full: float, hard: float) -> float:
  """Returns HLR: what the set loses to all rows, both with hard labels.

  Args:
    full: accuracy of the whole training set, a fraction.
    hard: accuracy of the set with hard labels.

  Raises:
    UserError: for an accuracy outside [0, 1].

  >>> hard_label_recovery(0.75, 0.5)
  0.25
  """
  return _fraction(full, 'full') - _fraction(hard, 'hard')


def improvement_over_random(own: float, random: float) -> float:
  """Returns IOR: what the set gains over random rows, labels of one kind.

  Args:
    own: accuracy of the set with the labels that it comes with, a fraction.
    random: accuracy of random training rows, labeled likewise.

  Raises:
    UserError: for an accuracy outside [0, 1].

  >>> improvement_over_random(0.75, 0.5)
  0.25
  """
  return _fraction(own, 'own') - _fraction(random, 'random')


def label_robust_score(hlr: float, ior: float, weight: float = 0.5) -> float:
  """Returns LRS in [0, 1]: `score(weight * ior - (1 - weight) * hlr)`.

  Args:
    hlr: hard-label recovery, in [-1, 1].
    ior: improvement over random, in [-1, 1].
    weight: of the improvement; the rest goes to the recovery.

  Raises:
    UserError: for a weight outside [0, 1].

  >>> label_robust_score(-1.0, 1.0), label_robust_score(1.0, -1.0)
  (1.0, 0.0)
  """
  weight = _fraction(weight, 'weight')
  return score(weight * ior - (1 - weight) * hlr)


def augmentation_robust_score(
  augmented: float, plain: float, weight: float = 0.5
) -> float:
  """Returns ARS in [0, 1]: `score(weight * augmented + (1 - weight) * plain)`.

  Args:
    augmented: improvement over random rows, both trained with augmentation.
    plain: the same without.
    weight: of the augmented one (gamma).

  Raises:
    UserError: for a weight outside [0, 1].

  >>> augmentation_robust_score(1.0, 1.0)
  1.0
  """
  weight = _fraction(weight, 'weight')
  return score(weight * augmented + (1 - weight) * plain)


def score(balance: float) -> float:
  """Returns `(e^balance - e^-1) / (e - e^-1)`.

  >>> [round(score(balance), 2) for balance in (-1, 0, 1)]
  [0.0, 0.27, 1.0]
  """
  least = math.exp(-1)
  return (math.exp(balance) - least) / (math.e - least)


def _fraction(value: float, name: str) -> float:
  if not 0 <= value <= 1:
    raise UserError(
      f'{name} is {value}; give a fraction in [0, 1], not per cent'
    )
  return value
