"""Pseudo-outlier exposure: corrupted rows that belong to no class.

Ma et al., Towards Trustworthy Dataset Distillation, arXiv 2307.09165: outliers
made by corrupting in-distribution samples are distilled along with them, and
networks are trained on cross-entropy plus `lambda` times the cross-entropy to
the uniform distribution. `oe` does the same with real outliers (Hendrycks et
al., Deep Anomaly Detection with Outlier Exposure, ICLR 2019).

Deviations:
  Copies are corrupted afresh on every draw, where the released code corrupts
  the training set once. `lambda` weighs outliers wherever networks train; as in
  the released code it has no part in matching cell by cell. The target may be a
  class of its own, and then no output is uniform.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.batch import NOWHERE, Batch, concat, inside_mass, take
from rdd_jax.core.errors import UserError
from rdd_jax.core.transform import ScoreFn, Transform, stateless
from rdd_jax.images.corruptions import Corruption


def expose_outliers(
  corruption: Corruption,
  num_classes: int,
  *,
  to_pixels: Callable[[Array], Array],
  to_inputs: Callable[[Array], Array],
  weight: float = 0.5,
  slots: int = 1,
  first: int = 0,
  rows: int | None = None,
) -> Transform:
  """Appends corrupted copies of rows, whose target is no class.

  Networks then train on `CE(x, y) + lambda CE(x', uniform)`, `x'` corrupted.

  In front of matching, the copies are distilled into the outlier slots of the
  synthetic set; as a `student` chain they are drawn afresh at each step and
  nothing is stored. The target is uniform, or the reject class where there is
  one output more than there are classes.

  Args:
    corruption: `(key, pixels) -> pixels`, on pixels in [0, 1];
      `corruptions.in_turn` with `period=slots` gives each slot its own.
    num_classes: cells below it are in-distribution.
    to_pixels: from network inputs to pixels.
    to_inputs: from pixels to network inputs.
    weight: `lambda`: the mass of the outliers over that of all other rows.
    slots: outlier cells, filled in turn.
    first: the first of them, after those of other outliers.
    rows: how many to append; as many as there are by default.

  Raises:
    UserError: for a negative weight, or no slot or row.

  Source: Ma et al., arXiv 2307.09165.

  >>> from rdd_jax.core.measure import empirical, rows_of
  >>> from rdd_jax.core.transform import EmptyState
  >>> inputs = jnp.ones((2, 4, 4, 1))
  >>> rows = rows_of(empirical([0, 1], 2), jnp.arange(2), inputs)
  >>> t = expose_outliers(
  ...   lambda key, pixels: 1 - pixels, 2,
  ...   to_pixels=lambda x: x, to_inputs=lambda x: x,
  ... )
  >>> new, _ = jax.jit(t.update)(
  ...   rows, EmptyState(), key=jax.random.key(0), score=None, synthetic=None
  ... )
  >>> new.cells.tolist(), new.weights.tolist()
  ([0, 1, 2, 2], [1.0, 1.0, 0.5, 0.5])
  """
  _check(weight, slots, first, rows)

  def fn(
    batch: Batch, *, key: Array, score: ScoreFn, synthetic: Batch
  ) -> Batch:
    del score, synthetic
    n = batch.weights.shape[0]
    m = n if rows is None else rows
    inside = (batch.cells < num_classes) & (batch.weights > 0)
    # Without replacement, and never a masked row while there are others.
    order = jnp.argsort(
      jnp.where(inside, jax.random.uniform(keys.named(key, 'rows'), (n,)), 2.0)
    )
    count = jnp.maximum(inside.sum(), 1)
    source = take(batch.inputs, order[jnp.arange(m) % count])
    pixels = jnp.clip(to_pixels(source), 0, 1)
    corrupted = corruption(keys.named(key, 'corruption'), pixels)
    inputs = to_inputs(corrupted)
    return _append(batch, inputs, num_classes, weight, slots, first)

  return stateless(fn)


def oe(
  images: np.ndarray | Array,
  num_classes: int,
  *,
  to_inputs: Callable[[Array], Array],
  weight: float = 0.5,
  slots: int = 1,
  first: int = 0,
  rows: int | None = None,
) -> Transform:
  """Appends real outliers, whose target is no class.

  As in the released code, each slot has its own share of the images, one after
  the other.

  Args:
    images: `u8[N, H, W, C]`, outliers.
    num_classes: cells below it are in-distribution.
    to_inputs: from uint8 images to network inputs.
    weight: `lambda`, see `expose_outliers`.
    slots: outlier cells, filled in turn.
    first: the first of them, after those of other outliers.
    rows: how many to append; as many as there are by default.

  Raises:
    UserError: with fewer images than slots, for a negative weight, or no slot
      or row.

  Source: Hendrycks et al., ICLR 2019; Ma et al., arXiv 2307.09165.

  >>> from rdd_jax.core.measure import empirical, rows_of
  >>> from rdd_jax.core.transform import EmptyState
  >>> outliers = np.zeros((3, 4, 4, 1), np.uint8)
  >>> t = oe(outliers, 2, to_inputs=lambda x: x / 255, rows=1)
  >>> inputs = jnp.ones((2, 4, 4, 1))
  >>> rows = rows_of(empirical([0, 1], 2), jnp.arange(2), inputs)
  >>> new, _ = jax.jit(t.update)(
  ...   rows, EmptyState(), key=jax.random.key(0), score=None, synthetic=None
  ... )
  >>> new.targets.tolist()
  [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]
  """
  _check(weight, slots, first, rows)
  share = len(images) // slots
  if not share:
    raise UserError(
      f'{len(images)} outlier images cannot fill {slots} slots: give more '
      'images or fewer slots'
    )

  def fn(
    batch: Batch, *, key: Array, score: ScoreFn, synthetic: Batch
  ) -> Batch:
    del score, synthetic
    m = batch.weights.shape[0] if rows is None else rows
    of_slot = -(-m // slots)
    # Each slot deals out its images without repeating one before it must.
    order = jnp.argsort(keys.uniform(key, (slots, share)), axis=1)
    dealt = jnp.take(order, jnp.arange(of_slot) % share, axis=1)
    picked = dealt + share * jnp.arange(slots)[:, None]
    chosen = jnp.asarray(images)[picked.T.reshape(-1)[:m]]
    inputs = to_inputs(chosen)
    return _append(batch, inputs, num_classes, weight, slots, first)

  return stateless(fn)


def _append(
  batch: Batch,
  inputs: Array,
  num_classes: int,
  weight: float,
  slots: int,
  first: int,
) -> Batch:
  """The batch, and outliers of `weight` times its in-distribution mass."""
  m, outputs = inputs.shape[0], batch.targets.shape[1]
  none = (
    jnp.full(outputs, 1 / outputs)
    if outputs == num_classes
    else jax.nn.one_hot(num_classes, outputs)
  )
  outliers = Batch(
    inputs=inputs,
    targets=jnp.tile(none, (m, 1)),
    weights=jnp.full(m, weight * inside_mass(batch, num_classes) / m),
    cells=num_classes + first + jnp.arange(m, dtype=batch.cells.dtype) % slots,
    groups=jnp.full(m, -1, batch.groups.dtype),
    index=jnp.full(m, NOWHERE, batch.index.dtype),
  )
  return concat(batch, outliers)


def _check(weight: float, slots: int, first: int, rows: int | None) -> None:
  if weight < 0 or slots < 1 or first < 0 or (rows is not None and rows < 1):
    raise UserError(
      f'outliers of weight={weight} in slots={slots} from first={first}, '
      f'rows={rows}: give a '
      'weight of at least 0, and at least one slot and one row'
    )
