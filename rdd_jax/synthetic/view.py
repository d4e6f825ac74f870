"""The synthetic set: what is stored, and how it is seen as a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import chex
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.batch import NOWHERE, Batch
from rdd_jax.core.losses import centered, uncentered

View = Callable[[Any], Batch]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Synthetic:
  """What is learned.

  Attributes:
    images: `f[n, h, w, c]`, in the space that the view is told of.
    logits: `f[n, o]`, whose softmax are the targets, or the targets as they
      are, where the view has free ones; None with hard labels.
    step_size: `f[]`, of the SGD that the set is made for (MTT); None where it
      is not learned.
    log_scale: `f[]`, the logarithm of what centered targets are multiplied by,
      which is the temperature of a regression on them (RFAD, RCIG); None where
      it is not learned.
  """

  images: Array
  logits: Array | None
  step_size: Array | None = None
  log_scale: Array | None = None


def layout(
  num_classes: int, ipc: int, slots: int = 0, slot_images: int = 0
) -> np.ndarray:
  """Returns cells `i[n]` in order: `ipc` rows of a class, then those of slots.

  Args:
    num_classes: the number of classes.
    ipc: rows of each class.
    slots: outlier slots.
    slot_images: rows of each slot; 0 takes `ipc`.

  >>> layout(2, 2, slots=1, slot_images=1).tolist()
  [0, 0, 1, 1, 2]
  """
  counts = np.repeat([ipc, slot_images or ipc], [num_classes, slots])
  return np.repeat(np.arange(num_classes + slots, dtype=np.int32), counts)


def stored_ipc(cells: np.ndarray, num_classes: int) -> int:
  """Returns the stored images per class, outliers counted in, rounded up.

  Args:
    cells: `i[n]`, of the stored images.
    num_classes: the number of classes.

  >>> stored_ipc(np.array([0, 0, 1, 1, 2]), 2)
  3
  """
  return -(-len(cells) // num_classes)


def hard_targets(
  cells: np.ndarray, num_classes: int, num_outputs: int
) -> np.ndarray:
  """Returns targets `f[n, o]` of cells: one-hot, and of outliers no class.

  The target of an outlier row is uniform, or, where there is one output more
  than there are classes, that reject class.

  Args:
    cells: `i[n]`; from `num_classes` on they are outliers.
    num_classes: the number of classes.
    num_outputs: `o`, `num_classes` or one more.

  >>> hard_targets(np.array([0, 2]), 2, 2).tolist()
  [[1.0, 0.0], [0.5, 0.5]]
  """
  targets = np.eye(num_outputs, dtype=np.float32)[
    np.minimum(cells, num_outputs - 1)
  ]
  if num_outputs == num_classes:
    targets[cells >= num_classes] = 1 / num_classes
  return targets


def decode(images: Array, factor: int) -> Array:
  """Cuts images into `factor * factor` smaller ones (multi-formation).

  Enlarges each tile, bilinearly, to the size of the image.

  Args:
    images: `f[n, h, w, c]`; padded with 0.5 at the far edges where `factor`
      does not divide the size.
    factor: 1 leaves the images as they are.

  Returns:
    `f[n * factor**2, h, w, c]`, the tiles of an image next to each other.

  Raises:
    ValueError: where a tile would be empty.

  Source: Kim et al., Dataset Condensation via Efficient Synthetic-Data
    Parameterization, ICML 2022, sec. 4.

  >>> decode(jnp.ones((1, 4, 4, 1)), 2).shape
  (4, 4, 4, 1)
  """
  if factor == 1:
    return images
  n, h, w, c = images.shape
  if any((factor - 1) * -(-side // factor) >= side for side in (h, w)):
    raise ValueError(
      f'factor={factor} cuts {h}x{w} images into tiles of which some are '
      'empty; use a smaller factor'
    )
  pads = ((0, 0), (0, -h % factor), (0, -w % factor), (0, 0))
  padded = jnp.pad(images, pads, constant_values=0.5)
  th, tw = padded.shape[1] // factor, padded.shape[2] // factor
  tiles = padded.reshape(n, factor, th, factor, tw, c)
  tiles = tiles.transpose(0, 1, 3, 2, 4, 5).reshape(-1, th, tw, c)
  return jax.image.resize(tiles, (tiles.shape[0], h, w, c), 'bilinear')


def encode(images: Array, factor: int) -> Array:
  """Packs each `factor * factor` images into one of the same size.

  The inverse of `decode` up to the loss of resolution; starts multi-formation
  from real rows.

  Args:
    images: `f[n * factor**2, h, w, c]`.
    factor: tiles along each side.

  Returns:
    `f[n, h, w, c]`.

  >>> encode(jnp.ones((4, 4, 4, 1)), 2).shape
  (1, 4, 4, 1)
  """
  if factor == 1:
    return images
  n, h, w, c = images.shape[0] // factor**2, *images.shape[1:]
  th, tw = -(-h // factor), -(-w // factor)
  small = jax.image.resize(images, (images.shape[0], th, tw, c), 'bilinear')
  grid = small.reshape(n, factor, factor, th, tw, c).transpose(0, 1, 3, 2, 4, 5)
  return grid.reshape(n, factor * th, factor * tw, c)[:, :h, :w]


def view(
  cells: np.ndarray,
  targets: np.ndarray,
  *,
  factor: int = 1,
  preprocess: Callable[[Array], Array] | None = None,
  outlier_weight: float = 1.0,
  num_classes: int | None = None,
  free: bool = False,
) -> View:
  """Builds the function from `Synthetic` parameters to a batch of inputs.

  Args:
    cells: `i[n]`, of the stored images.
    targets: `f[n, o]`, used where the parameters have no logits.
    factor: multi-formation; each stored image yields `factor**2` rows.
    preprocess: from stored pixels in [0, 1] to network inputs; None where the
      images are stored as network inputs.
    outlier_weight: the mass of all outlier rows over that of all other rows,
      the `lambda` of outlier exposure.
    num_classes: cells from here on are outliers; None where there are none.
    free: learned targets are the parameters themselves, on the simplex or not,
      as regressions take them.

  Returns:
    A function from parameters to a batch of `n * factor**2` rows.

  >>> rows = view(np.arange(2), np.eye(2, dtype=np.float32), factor=2)
  >>> rows(Synthetic(jnp.ones((2, 4, 4, 1)), None)).inputs.shape
  (8, 4, 4, 1)
  """
  chex.assert_rank(cells, 1)
  chex.assert_shape(targets, (len(cells), None))
  weights = np.ones(len(cells), np.float32)
  if num_classes is not None:
    outlier = cells >= num_classes
    ratio = max(np.sum(~outlier), 1) / max(np.sum(outlier), 1)
    weights[outlier] = outlier_weight * ratio
  copies = factor**2
  repeated = np.repeat(cells, copies)
  constants = {
    'weights': np.repeat(weights, copies),
    'cells': repeated,
    'groups': np.full_like(repeated, -1),
    'index': np.full_like(repeated, NOWHERE),
  }
  targets = np.repeat(targets, copies, 0)

  def batch(params: Synthetic) -> Batch:
    chex.assert_shape(params.images, (len(cells), None, None, None))
    images = decode(params.images, factor)
    soft = params.logits
    if soft is None:
      seen = jax.device_put(targets)
    else:
      seen = jnp.repeat(soft if free else jax.nn.softmax(soft), copies, 0)
    if params.log_scale is not None:
      seen = uncentered(jnp.exp(params.log_scale) * centered(seen))
    return Batch(
      inputs=preprocess(images) if preprocess else images,
      targets=seen,
      **jax.device_put(constants),
    )

  return batch
