"""Features of images without training: how much they resemble random patches.

Coates and Ng, The Importance of Encoding Versus Training with Sparse Coding and
Vector Quantization, ICML 2011; Thiry et al., The Unreasonable Effectiveness of
Patches in Deep Convolutional Kernels Methods, ICLR 2021. A linear classifier
on them does as well as a small network that trains for minutes, on wrong
labels too, and takes one pass over the images.

Deviations:
  Every second position of larger images, a square root of pooled similarities,
  and soft thresholds at one quantile; images above 40 pixels are halved first,
  as often as it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import math
from typing import NamedTuple

import chex
import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.feed import BYTES, Feed, Window, of_step
from rdd_jax.core.sharding import map_shared
from rdd_jax.core.streamed import Images

SIDE = 6  # of a patch; half an image at most
LOOKED_AT = 2000  # images that patches are drawn from, at most,
DRAWN = 40_000  # and patches
QUANTILE = 0.8  # of similarities that count for nothing
WHITENING = 1e-3  # added to the variances of patches in [0, 1]
CHUNK = 20  # images at once: what fits a processor's cache
CALL = 50  # chunks of one call, after which it is told how far it is


class Dictionary(NamedTuple):
  """Holds the patches that images are compared with.

  Attributes:
    mean: `f[d]`, of patches, d = side * side * channels.
    whiten: `f[d, d]`.
    atoms: `f[d, m]`, whitened patches of unit length.
    threshold: `f[]`.
  """

  mean: Array
  whiten: Array
  atoms: Array
  threshold: Array


@partial(jax.jit, static_argnames='size')
def learn(key: Array, images: Array, size: int = 512) -> Dictionary:
  """Draws a dictionary of whitened patches from images.

  Args:
    key: a random key.
    images: `u8[N, H, W, C]`.
    size: `m`, the number of patches.

  >>> images = jax.random.randint(jax.random.key(0), (4, 8, 8, 1), 0, 256)
  >>> learn(jax.random.key(0), images.astype(jnp.uint8), 3).atoms.shape
  (16, 3)
  """
  chex.assert_equal(len(images.shape), 4)
  n = images.shape[0]
  rows = jax.random.permutation(keys.named(key, 'images'), n)[:LOOKED_AT]
  small = _shrunk(images[rows])
  side = max(min(SIDE, min(small.shape[1:3]) // 2), 1)
  windows = _windows(small, side)
  flat = windows.reshape(-1, windows.shape[-1])
  chosen = jax.random.permutation(keys.named(key, 'patches'), len(flat))
  flat = flat[chosen[:DRAWN]]
  mean = flat.mean(0)
  centered = flat - mean[None]
  values, vectors = jnp.linalg.eigh(centered.T @ centered / len(flat))
  whiten = (
    vectors / jnp.sqrt(jnp.maximum(values, 0) + WHITENING)[None]
  ) @ vectors.T
  # Patches of hardly any contrast would be noise at unit length.
  white = centered @ whiten
  length = jnp.linalg.norm(white, axis=1)
  strong = jnp.argsort(-length)[: max(4 * len(flat) // 5, 1)]
  picked = jax.random.permutation(keys.named(key, 'atoms'), len(strong))
  picked = strong[jnp.resize(picked, (size,))]
  atoms = _unit(white[picked]).T
  near = jnp.abs(_unit(white[:5000]) @ atoms)
  return Dictionary(mean, whiten, atoms, jnp.quantile(near, QUANTILE))


def features(
  dictionary: Dictionary,
  images: Images,
  mirror: ArrayLike,
  tell: Callable[[int, int], None] = lambda done, images: None,
) -> Array:
  """Pools in each quarter of an image how much its patches resemble others.

  Args:
    dictionary: of `m` patches.
    images: `u8[N, H, W, C]`.
    mirror: `b[]`, whether to take means over images and their mirror images.
    tell: called with how many of the images are done, and how many there are.

  Returns:
    `f[N, 8 m]`, each standardized over the images.
  """
  chex.assert_equal(len(images.shape), 4)
  n = images.shape[0]
  count = -(-n // CHUNK)
  chunk = CHUNK * math.prod(images.shape[1:])  # bytes
  size = max(min(count, CALL, BYTES // chunk), 1)
  # The last call does some again.
  starts = [min(first, count - size) for first in range(0, count, size)]
  every = np.array(starts)[:, None] * CHUNK + np.arange(size * CHUNK)
  rows = np.minimum(every, n - 1)
  feed = Feed(images, rows, axis=0)
  found = jnp.zeros((count, CHUNK, 8 * dictionary.atoms.shape[1]))
  for call, start in enumerate(starts):
    tell(call * size * CHUNK, n)
    held, _ = feed.at(call)
    found = _fill(found, dictionary, held, rows[call], call, start, mirror)
    jax.block_until_ready(found)
  tell(n, n)
  return _standardized(found, n)


@partial(jax.jit, donate_argnums=0)
def _fill(
  found: Array,
  dictionary: Dictionary,
  images: Images | Window,
  rows: Array,
  call: Array | int,
  start: Array | int,
  mirror: ArrayLike,
) -> Array:
  """Fills the chunks of the rows of a call, from the one `start` on."""

  def of_chunk(images: Array, dictionary: Dictionary, mirror: Array) -> Array:
    small = _shrunk(images)
    plain = _pooled(dictionary, small)
    found = jax.lax.cond(
      mirror,
      lambda: (plain + _pooled(dictionary, small[:, :, ::-1])) / 2,
      lambda: plain,
    )
    return jnp.sqrt(found).reshape(found.shape[0], -1)

  chunks = of_step(images, rows, call)
  chunks = chunks.reshape(-1, CHUNK, *chunks.shape[1:])
  new = map_shared(of_chunk, chunks, dictionary, jnp.asarray(mirror))
  return jax.lax.dynamic_update_slice_in_dim(found, new, start, 0)


@partial(jax.jit, static_argnames='n')
def _standardized(found: Array, n: int) -> Array:
  found = found.reshape(-1, found.shape[-1])[:n]
  spread = found.std(0)
  scale = spread + 1e-3 * spread.mean() + 1e-6
  return (found - found.mean(0)[None]) / scale[None]


def _shrunk(images: Array) -> Array:
  """Pixels in [0, 1], in means of four until a side has 40 at most."""
  x = images.astype(jnp.float32) / 255
  while min(x.shape[1:3]) > 40:
    x = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    n, h, w, c = x.shape
    x = x.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
  return x


def _windows(x: Array, side: int) -> Array:
  """All patches, `f[n, h, w, d]`; at every second position of larger images."""
  stride = 1 if min(x.shape[1:3]) < 20 else 2
  high, wide = x.shape[1] - side + 1, x.shape[2] - side + 1
  parts = [
    x[:, i : i + high : stride, j : j + wide : stride]
    for i in range(side)
    for j in range(side)
  ]
  return jnp.concatenate(parts, -1)


def _unit(x: Array) -> Array:
  return x / (jnp.linalg.norm(x, axis=-1, keepdims=True) + 1e-6)


def _pooled(dictionary: Dictionary, x: Array) -> Array:
  """`f[n, 4, 2 m]`: similarity, and its opposite, in each quarter."""
  mean, whiten, atoms, threshold = dictionary
  side = math.isqrt(mean.shape[0] // x.shape[-1])
  near = _unit((_windows(x, side) - mean[None, None, None]) @ whiten) @ atoms
  parts = []
  for like in (near - threshold, -near - threshold):
    high, wide = like.shape[1:3]
    above, left = (high + 1) // 2, (wide + 1) // 2
    active = jax.nn.relu(like)
    parts.append(
      jnp.stack(
        [
          active[:, rows, columns].mean((1, 2))
          for rows in (slice(above), slice(high - above, None))
          for columns in (slice(left), slice(wide - left, None))
        ],
        1,
      )
    )
  return jnp.concatenate(parts, -1)
