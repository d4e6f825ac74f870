"""Initialization of the synthetic images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax import networks
from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, bucket
from rdd_jax.core.measure import Measure, by_cell, draw
from rdd_jax.core.transform import DataSpec, Transform
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.synthetic import view
from rdd_jax.training.predict import predict
from rdd_jax.training.probe import Probe

Start = Callable[[Array, Array, Measure], Array]


def from_real(
  spec: DataSpec,
  rows: int,
  *,
  outliers: int = 0,
  preprocess: Preprocessing,
  transform: Transform,
  probe: Probe,
) -> Start:
  """Starts from rows of the measure, and from what the chain makes of them.

  A mislabeled row that the measure does not trust is not copied, and outlier
  slots start from the rows that the chain appends.

  Args:
    spec: the sizes.
    rows: for each class.
    outliers: for each outlier slot.
    preprocess: from uint8 to network inputs.
    transform: the chain in front of matching.
    probe: scores rows for it.

  Returns:
    `(key, images u8[N, H, W, C], measure) -> f[n, H, W, C]`, as network inputs,
    cell by cell.

  >>> from rdd_jax.core.measure import empirical
  >>> from rdd_jax.core.transform import identity
  >>> from rdd_jax.images.preprocessing import standardize
  >>> from rdd_jax.training.probe import no_probe
  >>> start = from_real(
  ...   DataSpec(9, 3, 3, 3, 0), rows=2, preprocess=standardize([0.5], [0.5]),
  ...   transform=identity(), probe=no_probe(),
  ... )
  >>> images = jnp.ones((9, 4, 4, 1), jnp.uint8)
  >>> measure = empirical([0, 1, 2] * 3, 3)
  >>> jax.eval_shape(start, jax.random.key(0), images, measure).shape
  (6, 4, 4, 1)
  """

  def drawn_rows(key: Array, images: Array, measure: Measure) -> Batch:
    return _drawn(key, images, measure, preprocess, spec.num_classes, rows)

  def start(key: Array, images: Array, measure: Measure) -> Array:
    drawn = drawn_rows(key, images, measure)
    edited, _ = transform.update(
      drawn,
      transform.init(spec),
      key=keys.named(key, 'edit'),
      score=probe.score(probe.init(keys.named(key, 'probe'))),
      synthetic=drawn,
    )
    dealt, _ = bucket(edited, spec.num_cells, outliers)
    found = dealt.inputs[spec.num_classes :]
    shape = drawn.inputs.shape[1:]
    return jnp.concatenate([drawn.inputs, found.reshape(-1, *shape)])

  if spec.num_cells == spec.num_classes:
    return lambda *given: drawn_rows(*given).inputs
  return jax.jit(start)


@partial(jax.jit, static_argnames=('num_classes', 'rows'))
def _drawn(
  key: Array,
  images: Array,
  measure: Measure,
  preprocess: Preprocessing,
  num_classes: int,
  rows: int,
) -> Batch:
  """So many rows of each class, as network inputs."""
  drawn = draw(
    keys.named(key, 'rows'),
    images,
    measure,
    num_classes * rows,
    by_cell(num_classes),
  )
  return replace(drawn, inputs=preprocess(drawn.inputs))


def from_noise(rows: int) -> Start:
  """Starts from standard normal network inputs, `rows` in all.

  >>> from_noise(3)(jax.random.key(0), jnp.ones((9, 4, 4, 1)), None).shape
  (3, 4, 4, 1)
  """

  def start(key: Array, images: Array, measure: Measure) -> Array:
    del measure
    return keys.normal(key, (rows, *images.shape[1:]))

  return start


def recognized(
  net: nn.Module,
  experts: Sequence[np.ndarray],
  key: Array,
  images: np.ndarray | Array,
  measure: Measure,
  num_classes: int,
  rows: int,
  preprocess: Preprocessing,
) -> np.ndarray:
  """Draws rows whose class one of the experts recognizes, in random order.

  Where a class has too few of them, others of it follow, those of weight 0
  last.

  Args:
    net: of the experts.
    experts: the flat parameters `f[p]` of each; one is drawn.
    key: of the expert and of the order.
    images: `u8[N, H, W, C]`.
    measure: over the same rows.
    num_classes: whose cells are filled.
    rows: of each class.
    preprocess: from uint8 to network inputs.

  Returns:
    `i[num_classes * rows]`, class by class.

  Source: Guo et al., ICLR 2024 (DATM).
  """
  one = jax.random.randint(keys.named(key, 'expert'), (), 0, len(experts))
  logits = expert_logits(net, [experts[int(one)]], images, preprocess)[0]
  cells, weights = np.asarray(measure.cells), np.asarray(measure.weights)
  right = logits[:, :num_classes].argmax(1) == cells
  rank = np.where(weights > 0, np.where(right, 0, 1), 2)
  order = jax.random.permutation(keys.named(key, 'order'), len(cells))
  order = np.asarray(order)[np.argsort(rank[order], kind='stable')]
  return np.concatenate(
    [order[cells[order] == c][:rows] for c in range(num_classes)]
  )


def ensemble_logits(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
  """Returns the mean logits of the experts that are right (DATM, as released).

  Args:
    logits: `f[k, n, o]`, of `k` experts.
    labels: `i[n]`.

  Returns:
    `f[n, o]`; where none is right, the logarithm of a smoothed one-hot label.

  >>> logits = np.array([[[3.0, 1.0]], [[0.0, 9.0]]])
  >>> ensemble_logits(logits, np.array([0])).tolist()
  [[3.0, 1.0]]
  """
  right = logits.argmax(-1) == labels[None]
  count = right.sum(0)[:, None]
  mean = (right[..., None] * logits).sum(0) / np.maximum(count, 1)
  outputs = logits.shape[-1]
  smooth = np.log(0.9 * np.eye(outputs)[labels] + 0.1 / outputs)
  return np.where(count > 0, mean, smooth).astype(np.float32)


def expert_logits(
  net: nn.Module,
  experts: Sequence[np.ndarray],
  images: np.ndarray | Array,
  preprocess: Preprocessing | None = None,
) -> np.ndarray:
  """Computes logits `f[k, n, o]` of experts given by their flat parameters.

  One expert after the other, so that the buffer may be larger than memory.

  Args:
    net: of the experts.
    experts: `k` of them, each `f[p]`, parameters and batch statistics.
    images: `[n, H, W, C]`; uint8 with `preprocess`.
    preprocess: from uint8 to network inputs.
  """
  unflatten = networks.unflatten(net, images.shape[1:])

  def one(flat: np.ndarray) -> np.ndarray:
    variables = unflatten(jnp.asarray(flat))
    stacked = jax.tree.map(lambda leaf: leaf[None], variables)
    return predict(net, stacked, images, preprocess)[0]

  return np.stack([one(flat) for flat in experts])


def stored(
  start: Start, factor: int, preprocess: Preprocessing | None
) -> Start:
  """Packs images as they are stored: tiled, and as pixels where asked.

  Args:
    start: yields `n * factor**2` network inputs.
    factor: of multi-formation.
    preprocess: whose inverse gives pixels; None stores network inputs.

  >>> start = stored(from_noise(4), 2, None)
  >>> start(jax.random.key(0), jnp.ones((9, 4, 4, 1)), None).shape
  (1, 4, 4, 1)
  """

  def packed(key: Array, images: Array, measure: Measure) -> Array:
    inputs = start(key, images, measure)
    if preprocess is not None:
      inputs = jnp.clip(preprocess.inverse(inputs), 0, 1)
    return view.encode(inputs, factor)

  return packed
