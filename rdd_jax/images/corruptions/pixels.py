"""Corruptions of brightness, noise, resolution and color.

What is called released acts as TrustDD's code does (Ma et al., 2023), which
took it from the validation sets of outlier exposure (Hendrycks et al., 2019).
"""

from __future__ import annotations

from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions.corruption import Corruption


def invert() -> Corruption:
  """Inverts every channel, `1 - x`.

  >>> import jax
  >>> invert()(jax.random.key(0), jnp.full((1, 2, 2, 1), 0.25)).max().item()
  0.75
  """
  return lambda key, pixels: 1 - pixels


def invert_released() -> Corruption:
  """Inverts all channels but the first, as released.

  Of images with one channel, the negative of that.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(invert_released(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    channels = pixels.shape[-1]
    first = (jnp.arange(channels) == 0) & (channels > 1)
    return jnp.where(first.reshape(1, 1, 1, -1), pixels, 1 - pixels)

  return corrupt


def solarize(threshold: float = 0.5) -> Corruption:
  """Inverts what is as bright as `threshold` or brighter.

  Raises:
    UserError: for a threshold outside [0, 1), which would leave nothing to do.

  >>> import jax
  >>> solarize()(jax.random.key(0), jnp.full((1, 2, 2, 1), 0.75)).max().item()
  0.25
  """
  if not 0 <= threshold < 1:
    raise UserError(f'solarize({threshold}): take a threshold in [0, 1)')
  return lambda key, pixels: jnp.where(pixels < threshold, pixels, 1 - pixels)


def fold() -> Corruption:
  """Makes black and white white, and middle gray black: `|2 x - 1|`.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(fold(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  return lambda key, pixels: jnp.abs(2 * pixels - 1)


def speckle(std: float = 1.0) -> Corruption:
  """Adds multiplicative noise: `clip(x + x * N(0, std^2), 0, 1)`.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(speckle(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    noise = std * keys.normal(key, pixels.shape, pixels.dtype)
    return jnp.clip(pixels + pixels * noise, 0, 1)

  return corrupt


def uniform_speckle() -> Corruption:
  """Adds multiplicative noise that brightens: `clip(x + x * U[0, 1), 0, 1)`.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(uniform_speckle(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    noise = keys.uniform(key, pixels.shape, pixels.dtype)
    return jnp.clip(pixels + pixels * noise, 0, 1)

  return corrupt


def add_noise(std: float = 0.3) -> Corruption:
  """Adds noise: `clip(x + N(0, std^2), 0, 1)`.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(add_noise(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    noise = std * keys.normal(key, pixels.shape, pixels.dtype)
    return jnp.clip(pixels + noise, 0, 1)

  return corrupt


def pixelate(fraction: float = 0.2) -> Corruption:
  """Averages blocks, `int(size * fraction)` of them along each axis.

  As a box-filtered resize there and back: a pixel belongs to the block in which
  its center lies.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(pixelate(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def average(size: int) -> np.ndarray:
    blocks = max(1, int(size * fraction))
    block = (2 * np.arange(size) + 1) * blocks // (2 * size)
    same = block[:, None] == block[None, :]
    return same / same.sum(1, keepdims=True)

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    _, h, w, _ = pixels.shape
    return _along_axes(average(h), average(w), pixels)

  return corrupt


def blur(sigma: float = 1 / 14) -> Corruption:
  """Blurs by a Gaussian, reflected at the edges, which keeps an image's mean.

  As `scipy.ndimage.gaussian_filter` with its defaults.

  Args:
    sigma: standard deviation along each axis, as a share of the side; 2 pixels
      of 28 by default, which takes the detail away.

  Raises:
    UserError: for a `sigma` that is not positive.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(blur(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  if sigma <= 0:
    raise UserError(f'blur({sigma}): take a positive share of the side')

  def gaussian(size: int) -> np.ndarray:
    reach = int(4 * sigma * size + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / (sigma * size)) ** 2)
    to = np.arange(size)[:, None]
    at = (to + offsets) % (2 * size)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (to, np.minimum(at, 2 * size - 1 - at)), weights)
    return matrix / weights.sum()

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    _, h, w, _ = pixels.shape
    return _along_axes(gaussian(h), gaussian(w), pixels)

  return corrupt


def rgb_ghost() -> Corruption:
  """Channels in turn, the first of them mirrored, as released.

  Red becomes green's mirror image (left and right), green blue, and blue red.
  Any other number of channels is rolled by one likewise. With one channel there
  is none to change places with: what remains is the mirror image.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(rgb_ghost(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    rolled = jnp.roll(pixels, -1, axis=-1)
    ghost = rolled[:, :, ::-1, :1]
    return jnp.concatenate([ghost, rolled[..., 1:]], axis=-1)

  return corrupt


def _along_axes(rows: np.ndarray, columns: np.ndarray, pixels: Array) -> Array:
  """`rows f[H, H]` and `columns f[W, W]` applied in no less than float32."""
  dtype = jnp.promote_types(pixels.dtype, jnp.float32)
  mean = jnp.einsum(
    'yi,xj,nijc->nyxc',
    jnp.asarray(rows, dtype),
    jnp.asarray(columns, dtype),
    pixels.astype(dtype),
    precision='highest',
  )
  return jnp.clip(mean, 0, 1).astype(pixels.dtype)
