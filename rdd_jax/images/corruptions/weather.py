"""Corruptions that cameras and weather make (Hendrycks and Dietterich, 2019).

Deviations: lengths are shares of the side, so that a level means the same at
every size; random ones draw alike at every level, so that the stronger is the
weaker, and more; photons are counted by normal noise.
"""

from __future__ import annotations

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions.corruption import Corruption
from rdd_jax.images.corruptions.geometry import sample

_TAPS = 9  # samples along the path of a blur


def shot_noise(photons: float) -> Corruption:
  """Counts so many photons at full light: normal noise of their variance.

  `clip(x + N(0, x / photons), 0, 1)`.

  Raises:
    UserError: for no photons.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(shot_noise(9.0), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  if photons <= 0:
    raise UserError(f'shot_noise({photons}): take more than 0 photons')

  def corrupt(key: Array, pixels: Array) -> Array:
    noise = keys.normal(key, pixels.shape, pixels.dtype)
    return jnp.clip(pixels + jnp.sqrt(pixels / photons) * noise, 0, 1)

  return corrupt


def impulse_noise(share: float) -> Corruption:
  """Sets a share of the values to 0 or 1, as often: salt and pepper.

  Raises:
    UserError: for a share outside [0, 1].

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(impulse_noise(0.1), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  if not 0 <= share <= 1:
    raise UserError(f'impulse_noise({share}): take a share in [0, 1]')

  def corrupt(key: Array, pixels: Array) -> Array:
    uniform = keys.uniform(key, pixels.shape, jnp.float32)
    # One number decides both, so that a larger share keeps the colors.
    salt = (uniform * 2**20).astype(jnp.int32) % 2
    struck = uniform < share
    return jnp.where(struck, salt.astype(pixels.dtype), pixels)

  return corrupt


def brighten(amount: float) -> Corruption:
  """Brightens: `clip(x + amount, 0, 1)`.

  >>> brighten(0.25)(jax.random.key(0), jnp.full((1, 2, 2, 1), 0.5)).max()
  Array(0.75, dtype=float32)
  """
  return lambda key, pixels: jnp.clip(pixels + amount, 0, 1)


def flatten(contrast: float) -> Corruption:
  """Multiplies the contrast to the mean of each channel by `contrast`.

  Raises:
    UserError: for a contrast outside [0, 1].

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(flatten(0.5), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  if not 0 <= contrast <= 1:
    raise UserError(f'flatten({contrast}): take a contrast in [0, 1]')

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    mean = pixels.mean((1, 2), keepdims=True)
    return jnp.clip(mean + contrast * (pixels - mean), 0, 1)

  return corrupt


def fog(density: float, smoothness: float = 1.5) -> Corruption:
  """Scatters light by clouds: `(x + density * clouds) m / (m + density)`.

  `m` is the brightest value of the image, and the clouds are in [0, 1].

  Args:
    density: not negative.
    smoothness: amplitudes fall with this power of the frequency.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(fog(0.5), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    n, h, w, _ = pixels.shape
    y, x = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)
    frequency = np.hypot(y, x)
    frequency[0, 0] = np.inf  # the mean says nothing: the range is set below
    spectrum = jnp.fft.rfft2(keys.normal(key, (n, h, w)))
    falling = jnp.asarray(frequency**-smoothness, jnp.float32)
    clouds = jnp.fft.irfft2(spectrum * falling[None], s=(h, w))[..., None]
    low, high = (
      f(clouds, axis=(1, 2, 3), keepdims=True) for f in (jnp.min, jnp.max)
    )
    clouds = (clouds - low) / jnp.maximum(high - low, 1e-6)
    most = pixels.max((1, 2, 3), keepdims=True)
    lit = (pixels + density * clouds) * most / jnp.maximum(most + density, 1e-6)
    return jnp.clip(lit, 0, 1).astype(pixels.dtype)

  return corrupt


def motion_blur(length: float) -> Corruption:
  """Averages along a straight path, at an angle of its own for each row.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(motion_blur(2.0), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    angle = jnp.pi * keys.uniform(key, (1, len(pixels), 1, 1))
    y, x = _centered(pixels)
    t = length * _times()
    return _mean_at(
      pixels, y[None] + t * jnp.sin(angle), x[None] + t * jnp.cos(angle)
    )

  return corrupt


def zoom_blur(zoom: float) -> Corruption:
  """Averages while zooming in, up to a factor `1 + zoom`.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(zoom_blur(1.2), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    scale = 1 + zoom * (_times() + 0.5)
    y, x = _centered(pixels)
    return _mean_at(pixels, y[None] / scale, x[None] / scale)

  return corrupt


def move(degrees: float, shift: float) -> Corruption:
  """Turns by so many degrees and shifts along each axis, to either side.

  The signs are drawn for each row. The edge goes on outside of an image.

  Args:
    degrees: of the turn.
    shift: along each axis, as a share of the side.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(move(9.0, 0.1), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    signs = jax.random.rademacher(key, (3, len(pixels), 1, 1), jnp.float32)
    angle = signs[0] * jnp.deg2rad(degrees)
    c, s = jnp.cos(angle), jnp.sin(angle)
    y, x = _centered(pixels)
    return _at(
      pixels,
      c * y - s * x + shift * signs[1],
      s * y + c * x + shift * signs[2],
    )

  return corrupt


def _centered(pixels: Array) -> tuple[Array, Array]:
  """`y f[1, H, 1]` and `x f[1, 1, W]`, sides from -1/2 to 1/2."""
  _, h, w, _ = pixels.shape
  y, x = ((jnp.arange(n) + 0.5) / n - 0.5 for n in (h, w))
  return y[None, :, None], x[None, None, :]


def _at(pixels: Array, y: Array, x: Array) -> Array:
  n, h, w, _ = pixels.shape
  y, x = ((u + 0.5) * size - 0.5 for u, size in ((y, h), (x, w)))
  return sample(
    pixels, jnp.broadcast_to(y, (n, h, w)), jnp.broadcast_to(x, (n, h, w))
  )


def _times() -> Array:
  """`f[taps, 1, 1, 1]`, from -1/2 to 1/2."""
  return jnp.linspace(-0.5, 0.5, _TAPS)[:, None, None, None]


@jax.jit
def _mean_at(pixels: Array, ys: Array, xs: Array) -> Array:
  """The mean of pixels at several points for each, `ys, xs f[taps, ...]`."""

  def add(total: Array, point: tuple[Array, Array]) -> tuple[Array, None]:
    return total + _at(pixels, *point).astype(jnp.float32), None

  zeros = jnp.zeros(pixels.shape, jnp.float32)
  total, _ = jax.lax.scan(add, zeros, (ys, xs))
  return jnp.clip(total / len(ys), 0, 1).astype(pixels.dtype)
