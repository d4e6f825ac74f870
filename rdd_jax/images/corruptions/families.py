"""Corruptions by name; `images.families` has which count as the same."""

from __future__ import annotations

from collections.abc import Callable

from rdd_jax.core.errors import choose
from rdd_jax.images.corruptions import flat, frequency, geometry, pairs, pixels
from rdd_jax.images.corruptions.combine import one_of, sequence
from rdd_jax.images.corruptions.corruption import Corruption

Factory = Callable[[], Corruption]

FAMILIES: dict[str, Factory] = {
  'tiles': lambda: one_of(
    geometry.shuffle_tiles(2),
    geometry.shuffle_tiles(4),
  ),
  'inversion': lambda: one_of(
    pixels.invert(), pixels.solarize(), pixels.fold()
  ),
  'resolution': lambda: one_of(pixels.pixelate(), pixels.blur()),
  'warp': geometry.warp,
  'frequency': lambda: one_of(
    frequency.noise_phase(), frequency.swap_amplitude()
  ),
  'noise': lambda: one_of(pixels.speckle(), pixels.add_noise()),
  'rotation': geometry.rotate,
  'mix': lambda: one_of(pairs.arithmetic_mean(), pairs.geometric_mean()),
  'paste': pairs.paste,
  'flat': lambda: one_of(flat.posterize(), flat.silhouette(), flat.outline()),
}

# The eight of TrustDD's released code, by its names.
RELEASED: dict[str, Factory] = {
  'jigsaw': geometry.jigsaw,
  'invert': pixels.invert_released,
  'pixelate': pixels.pixelate,
  'gauss_speckle': pixels.speckle,
  'uniform_speckle': pixels.uniform_speckle,
  'rgb_ghost': pixels.rgb_ghost,
  'avg_mean': pairs.arithmetic_mean,
  'geo_mean': pairs.geometric_mean,
}

_FUNCTIONS: tuple[Factory, ...] = (
  geometry.shuffle_tiles,
  geometry.jigsaw,
  pixels.invert,
  pixels.invert_released,
  pixels.solarize,
  pixels.fold,
  pixels.pixelate,
  pixels.blur,
  geometry.warp,
  frequency.noise_phase,
  frequency.swap_amplitude,
  pixels.speckle,
  pixels.uniform_speckle,
  pixels.add_noise,
  geometry.rotate,
  pairs.arithmetic_mean,
  pairs.geometric_mean,
  pairs.paste,
  flat.posterize,
  flat.silhouette,
  flat.outline,
  pixels.rgb_ghost,
)

# By function, `invert` is hidden behind the released corruption of that name.
_NAMED: dict[str, Factory] = {
  **{f.__name__: f for f in _FUNCTIONS},
  'negative': pixels.invert,
  **RELEASED,
  **FAMILIES,
}


def named(name: str) -> Corruption:
  """Returns a family, a released corruption, or a function of this package.

  Each with its defaults. `invert` is the released one; `negative` inverts all
  channels. `a+b` is the sequence of both.

  Raises:
    UserError: for an unknown name.

  >>> import jax
  >>> pixels = jax.numpy.full((1, 2, 2, 1), 0.25)
  >>> named('negative')(jax.random.key(0), pixels).max().item()
  0.75
  """
  parts = [choose('corruption', part, _NAMED)() for part in name.split('+')]
  return parts[0] if len(parts) == 1 else sequence(*parts)
