"""Kernel ridge regression as a matching objective.

The synthetic set is evaluated by the loss, on real rows, of the function that a
ridge regression finds on it (Nguyen, Chen and Lee, Dataset Meta-Learning from
Kernel Ridge-Regression, ICLR 2021, eq. 7). What differs between methods is the
kernel: closed forms (KIP), the features of networks in training (FRePo) or of
random ones (RFAD), the tangents of a network in training (RCIG).

Regressions work on centered targets, less one over the number of outputs: zero
says "no class", which is the target of an outlier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, concat, group_mean
from rdd_jax.core.losses import RowLosses, SquaredError, centered, cross_entropy
from rdd_jax.core.transform import ScoreFn, Scores, State
from rdd_jax.images.augment import Augment
from rdd_jax.kernels import Solution, fit, solve
from rdd_jax.kernels.kernel import EXACT
from rdd_jax.objectives.base import AdvanceFn, Objective, Step

Predictor = Callable[[Array], Array]  # inputs f[n, ...] -> f[n, o], centered
Regression = Callable[[Batch], tuple[Predictor, Solution]]


class Method(NamedTuple):
  """What a method adds to regression.

  Attributes:
    init: `(key) -> state`, of its networks.
    regression: from the state to a regression, whose kernel they make.
    advance: moves the networks on; as of an objective.
  """

  init: Callable[[Array], State]
  regression: Callable[[State], Regression]
  advance: AdvanceFn


def kernel_regression(
  kernel: Callable[..., Array], ridge: float = 1e-6
) -> Regression:
  """Makes a regression by a kernel: `f(x) = k(x, s) (k(s, s) + r I)^-1 y`.

  Args:
    kernel: `(x1, x2=None) -> f[n1, n2]`.
    ridge: relative to the trace.
  """

  def regress(support: Batch) -> tuple[Predictor, Solution]:
    solution = solve(
      kernel(support.inputs),
      centered(support.targets),
      ridge=ridge,
      weights=support.weights,
    )

    def predict(x: Array) -> Array:
      cross = kernel(x, support.inputs)
      return jnp.matmul(cross, solution.coefficients, precision=EXACT)

    return predict, solution

  return regress


def feature_regression(
  features: Callable[[Array], Array], ridge: float = 1e-6
) -> Regression:
  """Makes a regression by features; no gradient passes those of other rows.

  Features of rows that are predicted are constants: a backward pass goes
  through the synthetic rows alone (FRePo).

  Args:
    features: `f[n, ...] -> f[n, d]`.
    ridge: relative to the trace.
  """

  def regress(support: Batch) -> tuple[Predictor, Solution]:
    solution = fit(
      features(support.inputs),
      centered(support.targets),
      ridge=ridge,
      weights=support.weights,
    )

    def predict(x: Array) -> Array:
      phi = jax.lax.stop_gradient(features(jax.lax.stop_gradient(x)))
      return jnp.matmul(phi, solution.coefficients, precision=EXACT)

    return predict, solution

  return regress


def scorer(regress: Regression, support: Batch) -> ScoreFn:
  """Returns the scores of rows by a regression, for chains that ask.

  Args:
    regress: the regression.
    support: the rows that it is fitted on. Predictions stand for the features.
  """

  def score(batch: Batch) -> Scores:
    logits = regress(support)[0](batch.inputs)
    losses = cross_entropy(logits, batch, logits.shape[1])
    return jax.lax.stop_gradient(Scores(losses, logits, logits))

  return score


def mirrored(batch: Batch) -> Batch:
  """Appends the mirror images of all rows."""
  return concat(batch, replace(batch, inputs=batch.inputs[:, :, ::-1]))


def regression_matching(
  method: Method,
  num_classes: int,
  num_cells: int,
  *,
  losses: RowLosses = SquaredError(),
  augment: Augment | None = None,
  mirror: bool = False,
) -> Objective:
  """Computes the loss on real rows of a regression on the synthetic ones.

  `L(K_rs (K_ss + r I)^-1 y_s, y_r)`, with a method's kernel `K` and ridge `r`.

  The `student` chain edits the rows that are regressed on, so that outliers
  which it appends are to be predicted as no class. Its state moves on where a
  pool trains, and nowhere else.

  Args:
    method: the kernel.
    num_classes: cells below it are in-distribution.
    num_cells: classes and outlier slots.
    losses: of a real row, from its centered prediction.
    augment: of real rows.
    mirror: regress on the mirror images of the synthetic rows as well.

  Returns:
    An objective with one value for each cell, the mean loss of its rows; under
    the risk `mean()` they make the loss of all rows. Its metrics are `ridge`,
    the relative ridge that was needed, and `failed`, 1 where none was enough:
    then the loss is NaN.

  Source: Nguyen, Chen and Lee, ICLR 2021, eq. 7.

  >>> from rdd_jax.kernels import fully_connected
  >>> from rdd_jax.objectives.base import trace
  >>> from rdd_jax.objectives.regression.kip import kip
  >>> objective = regression_matching(kip(fully_connected(1)), 2, 2)
  >>> values, mass, metrics = trace(objective, 4, (2, 2, 1), 2)
  >>> values.shape, sorted(metrics)
  ((2,), ['failed', 'ridge'])
  """

  def evaluate(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    real = step.real
    regress = method.regression(step.state)
    still = jax.lax.stop_gradient(synthetic)
    support, _ = step.chains.student(
      synthetic,
      key=keys.named(step.key, 'student'),
      score=scorer(regress, still),
      synthetic=still,
    )
    predict, solution = regress(mirrored(support) if mirror else support)
    if augment:
      inputs = augment(keys.named(step.key, 'augment'), real.inputs)
      real = replace(real, inputs=inputs)
    values, mass = group_mean(
      losses(predict(real.inputs), real, num_classes),
      real.weights,
      real.cells,
      num_cells,
    )
    failed = solution.failed.astype(values.dtype)
    return values, mass, {'ridge': solution.ridge, 'failed': failed}

  return Objective(method.init, evaluate, method.advance)
