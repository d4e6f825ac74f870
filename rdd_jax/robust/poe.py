"""Pseudo-outlier exposure: corrupted rows that belong to no class.

Ma et al., Towards Trustworthy Dataset Distillation, arXiv 2307.09165: outliers
made by corrupting in-distribution samples are distilled along with them, and
networks are trained on cross-entropy plus `lambda` times the cross-entropy to
the uniform distribution.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax import keys
from rdd_jax.batch import NOWHERE, Batch, concat, take
from rdd_jax.corruptions import Corruption
from rdd_jax.transform import ScoreFn, Transform, stateless


def expose_outliers(
  corruption: Corruption,
  num_classes: int,
  *,
  to_pixels: Callable[[Array], Array],
  to_inputs: Callable[[Array], Array],
  weight: float = 0.5,
  slots: int = 1,
  rows: int | None = None,
) -> Transform:
  """Appends corrupted copies of rows, whose target is no class.

  In front of matching, the copies are distilled into the outlier slots of the
  synthetic set; as a `student` chain they are drawn afresh at each step and
  nothing is stored. The target is uniform, or the reject class where there is
  one output more than there are classes.

  Args:
    corruption: `(key, pixels) -> pixels`, on pixels in [0, 1].
    num_classes: cells below it are in-distribution.
    to_pixels: from network inputs to pixels.
    to_inputs: from pixels to network inputs.
    weight: `lambda`: the mass of the outliers over that of all other rows.
    slots: outlier cells, filled in turn.
    rows: how many to append; as many as there are by default.

  Deviations:
    Copies are corrupted afresh on every draw, where the released code corrupts
    the training set once.
  """

  def fn(
    batch: Batch, *, key: Array, score: ScoreFn, synthetic: Batch
  ) -> Batch:
    del score, synthetic
    n, outputs = batch.targets.shape
    m = n if rows is None else rows
    inside = jnp.where(batch.cells < num_classes, batch.weights, 0.0)
    # Without replacement, and never a masked row while there are others.
    order = jnp.argsort(
      jnp.where(
        inside > 0, jax.random.uniform(keys.named(key, 'rows'), (n,)), 2.0
      )
    )
    count = jnp.maximum((inside > 0).sum(), 1)
    source = take(batch, order[jnp.arange(m) % count])
    pixels = jnp.clip(to_pixels(source.inputs), 0, 1)
    corrupted = corruption(keys.named(key, 'corruption'), pixels)
    none = (
      jnp.full(outputs, 1 / outputs)
      if outputs == num_classes
      else jax.nn.one_hot(num_classes, outputs)
    )
    outliers = Batch(
      inputs=to_inputs(corrupted),
      targets=jnp.tile(none, (m, 1)),
      weights=jnp.full(m, weight * inside.sum() / m),
      cells=num_classes + jnp.arange(m, dtype=batch.cells.dtype) % slots,
      groups=jnp.full(m, -1, batch.groups.dtype),
      index=jnp.full(m, NOWHERE, batch.index.dtype),
    )
    return concat(batch, outliers)

  return stateless(fn)
