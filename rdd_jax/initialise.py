"""Where the synthetic images start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax import keys, synthetic
from rdd_jax.batch import bucket
from rdd_jax.measure import Measure, by_cell, draw
from rdd_jax.preprocessing import Preprocessing
from rdd_jax.probe import Probe
from rdd_jax.transform import DataSpec, Transform

Start = Callable[[Array, Array, Measure], Array]


def from_real(
  spec: DataSpec,
  rows: int,
  *,
  preprocess: Preprocessing,
  transform: Transform,
  probe: Probe,
) -> Start:
  """Starts from rows of the measure, and from what the chain makes of them.

  A mislabelled row that the measure does not trust is not copied, and outlier
  slots start from the rows that the chain appends.

  Args:
    spec: the sizes.
    rows: for each cell.
    preprocess: from uint8 to network inputs.
    transform: the chain in front of matching.
    probe: scores rows for it.

  Returns:
    `(key, images u8[N, H, W, C], measure) -> f[num_cells * rows, H, W, C]`, as
    network inputs.
  """

  def start(key: Array, images: Array, measure: Measure) -> Array:
    drawn = draw(
      keys.named(key, 'rows'),
      images,
      measure,
      spec.num_classes * rows,
      by_cell(spec.num_classes),
    )
    drawn = replace(drawn, inputs=preprocess(drawn.inputs))
    if spec.num_cells == spec.num_classes:
      return drawn.inputs
    edited, _ = transform.update(
      drawn,
      transform.init(spec),
      key=keys.named(key, 'edit'),
      score=probe.score(probe.init(keys.named(key, 'probe'))),
      synthetic=drawn,
    )
    dealt, _ = bucket(edited, spec.num_cells, rows)
    outliers = dealt.inputs[spec.num_classes :]
    shape = drawn.inputs.shape[1:]
    return jnp.concatenate([drawn.inputs, outliers.reshape(-1, *shape)])

  return start


def from_noise(rows: int) -> Start:
  """Starts from standard normal network inputs, `rows` in all."""

  def start(key: Array, images: Array, measure: Measure) -> Array:
    del measure
    return jax.random.normal(key, (rows, *images.shape[1:]))

  return start


def stored(
  start: Start, factor: int, preprocess: Preprocessing | None
) -> Start:
  """Packs images as they are stored: tiled, and as pixels where asked.

  Args:
    start: yields `n * factor**2` network inputs.
    factor: of multi-formation.
    preprocess: whose inverse gives pixels; None stores network inputs.
  """

  def packed(key: Array, images: Array, measure: Measure) -> Array:
    inputs = start(key, images, measure)
    if preprocess is not None:
      inputs = jnp.clip(preprocess.inverse(inputs), 0, 1)
    return synthetic.encode(inputs, factor)

  return packed
