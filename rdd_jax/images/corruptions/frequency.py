"""Corruptions of the Fourier spectrum of an image."""

from __future__ import annotations

from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.numerics import safe_divide
from rdd_jax.images.corruptions.corruption import Corruption
from rdd_jax.images.corruptions.pairs import partners


def noise_phase() -> Corruption:
  """Combines an image's amplitudes with the phases of white noise, clipped.

  The texture remains and the shape goes. All channels have the same phases, and
  the mean stays (before clipping).

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(noise_phase(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    n, h, w, _ = pixels.shape
    # Phases of real noise, so that the result is real.
    phase = _phase(_spectrum(keys.normal(key, (n, h, w, 1))))
    phase = phase.at[:, 0, 0].set(1)
    return _image(jnp.abs(_spectrum(pixels)) * phase, pixels)

  return corrupt


def swap_amplitude() -> Corruption:
  """Combines an image's phases with another row's amplitudes, clipped.

  The shape remains and the texture, the contrast and the mean are another's.
  The other is as in `pairs`: a row alone in its batch stays as it is.

  Source: Chen et al., Amplitude-Phase Recombination, 2021.

  >>> import jax
  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(swap_amplitude(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    spectrum = _spectrum(pixels)
    other = jnp.abs(spectrum)[partners(key, len(pixels))]
    return _image(other * _phase(spectrum), pixels)

  return corrupt


def _spectrum(pixels: Array) -> Array:
  """`c[n, H, W // 2 + 1, C]`."""
  dtype = jnp.promote_types(pixels.dtype, jnp.float32)
  return jnp.fft.rfft2(pixels.astype(dtype), axes=(1, 2))


def _phase(spectrum: Array) -> Array:
  """Of length 1, and 1 where nothing has a phase."""
  size = jnp.abs(spectrum)
  return jnp.where(size > 0, safe_divide(spectrum, size), 1)


def _image(spectrum: Array, like: Array) -> Array:
  shape = like.shape[1:3]
  pixels = jnp.fft.irfft2(spectrum, s=shape, axes=(1, 2))
  return jnp.clip(pixels, 0, 1).astype(like.dtype)
