"""Confident learning before distillation: what people use today, `cleanlab`.

Northcutt et al., Confident Learning: Estimating Uncertainty in Dataset Labels,
JAIR 2021. The library itself says which rows are left out; it is an extra,
`pip install 'rdd_jax[confident]'`.

Deviations:
  It is asked with probabilities of the probes that TAD asks, which are better
  than those of a small network after minutes on a CPU.
"""

from __future__ import annotations

import importlib

from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.transform import DataView, Transform
from rdd_jax.robust.label_noise.estimate import as_given
from rdd_jax.robust.label_noise.record import Division, once
from rdd_jax.robust.label_noise.tad import ask
from rdd_jax.robust.label_noise.trust import rank

RULES = (  # of cleanlab.filter.find_label_issues
  'prune_by_noise_rate',
  'prune_by_class',
  'both',
  'confident_learning',
  'predicted_neq_given',
)


def confident_learning(
  num_classes: int,
  *,
  rule: str = 'prune_by_noise_rate',
  size: int = 512,
  least_rows: int = 20,
) -> Transform:
  """Leaves out the rows that cleanlab calls label issues.

  Args:
    num_classes: their number.
    rule: cleanlab's `filter_by`.
    size: see `tad.trust_aware`.
    least_rows: of each class that are kept in any case, of the least loss.

  Raises:
    UserError: for an unknown rule; when preparing, without cleanlab.

  Source: Northcutt et al., JAIR 2021.

  >>> from rdd_jax.core.transform import DataSpec
  >>> confident_learning(2).init(DataSpec(3, 2, 2, 2, 0)).trusted.shape
  (1, 3)
  """
  if rule not in RULES:
    raise UserError(f'trust rule {rule!r}: give one of {RULES}')

  def division(groups: Array | None, key: Array, data: DataView) -> Division:
    del groups
    asked = ask(
      *(key, data.images, data.labels, num_classes, size),
      *(data.tell, data.keep),
    )
    chances = as_given(asked.scores.scores, data.labels, asked.folds.halves)
    chance = jnp.take_along_axis(chances, data.labels[:, None], 1)[:, 0]
    place, _ = rank(-chance, data.labels, num_classes)
    kept = jnp.asarray(~issues(data.labels, chances, rule))
    kept |= place < least_rows
    return Division(
      kept,
      jnp.zeros_like(kept),
      chances.argmax(1),
      -jnp.log(chance),
      jnp.full(2, jnp.nan),
    )

  options = {
    'num_classes': num_classes,
    'rule': rule,
    'size': size,
    'least_rows': least_rows,
  }
  return once(division, "cleanlab's issues", options)


def issues(labels: Array, chances: Array, rule: str) -> np.ndarray:
  """Returns what cleanlab calls label issues, `b[N]`.

  Args:
    labels: `i[N]`, as given.
    chances: `f[N, k]`, held-out probabilities of labels as given.
    rule: see `confident_learning`.

  Raises:
    UserError: without cleanlab.
  """
  try:
    cleanlab = importlib.import_module('cleanlab.filter')
  except ImportError as error:
    raise UserError(
      "defense=confident asks cleanlab: pip install 'rdd_jax[confident]'"
    ) from error
  found = np.asarray(chances, np.float64)
  found /= found.sum(1, keepdims=True)
  return cleanlab.find_label_issues(
    np.asarray(labels), found, filter_by=rule, n_jobs=1
  )
