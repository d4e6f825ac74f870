"""From pixels to what a network takes, as a value that can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Literal

import chex
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import HostImages


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Preprocessing:
  """Standardizes each channel, then whitens the flattened image if asked to.

  Attributes:
    mean: `f32[C]`, for pixels in [0, 1].
    std: `f32[C]`.
    centre: `f32[d]` with d = H * W * C, what is subtracted before whitening.
    whiten: `f32[d, d]`, symmetric, or None for no whitening.
    unwhiten: `f32[d, d]`, its inverse.
  """

  mean: Array
  std: Array
  centre: Array | None = None
  whiten: Array | None = None
  unwhiten: Array | None = None

  @partial(jax.jit, inline=True)
  def __call__(self, images: Array) -> Array:
    """Normalizes pixels.

    Args:
      images: `u8[n, H, W, C]`, or floats on the scale of [0, 1].

    Returns:
      `f32[n, H, W, C]`.
    """
    chex.assert_shape(images, (None, None, None, *self.mean.shape))
    scale = 255 if images.dtype == jnp.uint8 else 1
    x = jnp.asarray(images, jnp.float32) / scale
    x = (x - _channels(self.mean)) / _channels(self.std)
    if self.whiten is None or self.centre is None:
      return x
    flat = x.reshape(x.shape[0], -1) - self.centre[None]
    return jnp.dot(flat, self.whiten, precision='highest').reshape(x.shape)

  @partial(jax.jit, inline=True)
  def inverse(self, x: Array) -> Array:
    """Pixels on the scale of [0, 1], not clipped to it: `f32[n, H, W, C]`."""
    if self.unwhiten is not None and self.centre is not None:
      flat = x.reshape(x.shape[0], -1)
      flat = jnp.dot(flat, self.unwhiten, precision='highest')
      x = (flat + self.centre[None]).reshape(x.shape)
    return x * _channels(self.std) + _channels(self.mean)

  def to_arrays(self) -> dict[str, np.ndarray]:
    """Returns the fields that are set, for `numpy.savez`."""
    values = {field.name: getattr(self, field.name) for field in fields(self)}
    return {k: np.asarray(v) for k, v in values.items() if v is not None}

  @classmethod
  def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Preprocessing:
    """Builds what `to_arrays` was called on, its inverse."""
    return cls(**{k: jax.device_put(array) for k, array in arrays.items()})


def standardize(mean: ArrayLike, std: ArrayLike) -> Preprocessing:
  """Returns the standardization of channels with known constants.

  Args:
    mean: `[C]`, of pixels in [0, 1].
    std: `[C]`, positive.

  Raises:
    UserError: for shapes that differ or a channel that does not vary.

  >>> standardize([0.5], [0.25])(jnp.ones((1, 1, 1, 1))).item()
  2.0
  """
  mean, std = np.atleast_1d(mean), np.atleast_1d(std)
  if mean.shape != std.shape or mean.ndim != 1 or not np.all(std > 0):
    raise UserError(
      f'mean {mean.tolist()} and std {std.tolist()}: '
      'give one of each for every channel, with std above 0'
    )
  return Preprocessing(_float32(mean), _float32(std))


def fit(
  images: HostImages,
  *,
  zca: float | None = None,
  convention: Literal['kornia', 'frepo'] = 'kornia',
) -> Preprocessing:
  """Measures the statistics of a training set.

  ZCA whitening is `V (S + r)^(-1/2) V'` for the eigenvalues `S` of the
  covariance of flattened images. It takes O(d^3) time and O(d^2) memory,
  d = H * W * C; the images themselves are read in chunks.

  Args:
    images: `u8[N, H, W, C]`.
    zca: the strength of the regularization; None means no whitening, but
      standardization by channel.
    convention: 'kornia' (MTT and its successors, `zca=0.1`) whitens pixels in
      [0, 1] that are not standardized, divides the covariance by N - 1, and
      takes `r = zca`. 'frepo' (FRePo; KIP without its layer norm) standardizes
      by channel first, divides by N, and takes `r = zca * trace / d`.

  Raises:
    UserError: for images of another type, or an unknown convention.
  """
  if images.dtype != np.uint8 or images.ndim != 4 or len(images) < 2:
    raise UserError(
      f'preprocessing of {images.dtype}{list(images.shape)}: '
      'give at least two images as uint8[N, H, W, C]'
    )
  if convention not in ('kornia', 'frepo'):
    raise UserError(f'zca convention {convention!r}: use kornia or frepo')
  channels = images.shape[-1]
  kornia = zca is not None and convention == 'kornia'
  plain = (
    standardize(np.zeros(channels), np.ones(channels))
    if kornia
    else standardize(*_moments(images))
  )
  if zca is None:
    return plain
  centre, scatter = _scatter(images, plain)
  covariance = scatter / (len(images) - kornia)
  ridge = zca if kornia else zca * np.trace(covariance) / len(covariance)
  values, vectors = np.linalg.eigh(covariance)
  # Rounding can leave the null space slightly negative.
  root = np.sqrt(np.maximum(values, 0) + ridge)
  return Preprocessing(
    plain.mean,
    plain.std,
    _float32(centre),
    _float32((vectors / root) @ vectors.T),
    _float32((vectors * root) @ vectors.T),
  )


def _moments(images: HostImages) -> tuple[np.ndarray, np.ndarray]:
  """Mean and standard deviation of each channel, from exact integer sums."""
  count = images.size // images.shape[-1]
  first, second = np.zeros((2, images.shape[-1]), np.uint64)
  for x in _chunks(images):
    first += x.sum((0, 1, 2), dtype=np.uint64)
    second += np.einsum('nhwc,nhwc->c', x, x, dtype=np.uint64)
  first, second = first / count, second / count
  return first / 255, np.sqrt(second - first**2) / 255


def _scatter(
  images: HostImages, plain: Preprocessing
) -> tuple[np.ndarray, np.ndarray]:
  """The mean `f64[d]` of flattened images, and their scatter `f64[d, d]`."""
  mean, std = np.float64(plain.mean), np.float64(plain.std)
  pixels = np.zeros(images.shape[1:], np.uint64)
  for chunk in _chunks(images):
    pixels += chunk.sum(0, dtype=np.uint64)
  centre = ((pixels / (255 * len(images)) - mean) / std).ravel()
  scatter = np.zeros((centre.size, centre.size))
  for chunk in _chunks(images):
    x = ((chunk / 255 - mean) / std).reshape(len(chunk), -1) - centre
    # Products in float32 and sums in float64: half the time, 1e-7 apart.
    x = x.astype(np.float32)
    scatter += x.T @ x
  return centre, scatter


def _chunks(images: HostImages) -> Iterator[np.ndarray]:
  for start in range(0, len(images), 1000):
    yield images[start : start + 1000]


def _channels(values: Array) -> Array:
  return values[None, None, None, :]


def _float32(values: np.ndarray) -> Array:
  return jax.device_put(np.asarray(values, np.float32))
