"""Corruptions by name, and which of them count as the same family.

The families and the choice of `CORE` come from measurements on fashion_mnist
and cifar10, with whole families left out of training and tested.
"""

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

# The six that serve best together.
CORE = ('tiles', 'inversion', 'resolution', 'warp', 'frequency', 'noise')

# The eight of TrustDD's released code, by its names, and those of its main run.
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
RELEASED_DEFAULT = ('jigsaw', 'invert', 'pixelate', 'gauss_speckle')

# Wider than `FAMILIES`: what differs too little to judge one by another.
_RELATED: dict[str, tuple[Factory, ...]] = {
  'tiles': (geometry.shuffle_tiles, geometry.jigsaw),
  'inversion': (
    pixels.invert,
    pixels.invert_released,
    pixels.solarize,
    pixels.fold,
  ),
  'resolution': (pixels.pixelate, pixels.blur),
  'warp': (geometry.warp,),
  'frequency': (frequency.noise_phase, frequency.swap_amplitude),
  'noise': (pixels.speckle, pixels.uniform_speckle, pixels.add_noise),
  'rotation': (geometry.rotate,),
  'mix': (pairs.arithmetic_mean, pairs.geometric_mean),
  'paste': (pairs.paste,),
  'flat': (flat.posterize, flat.silhouette, flat.outline),
  'color': (pixels.rgb_ghost,),
}

# By function, `invert` is hidden behind the released corruption of that name.
_NAMED: dict[str, Factory] = {
  **{f.__name__: f for related in _RELATED.values() for f in related},
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


def family_of(name: str) -> frozenset[str]:
  """Returns the families that training on this name makes familiar.

  They are the names of `FAMILIES`, and 'color'. What is tested as unseen must
  share none of them.

  Raises:
    UserError: for an unknown name.

  >>> sorted(family_of('jigsaw+gauss_speckle'))
  ['noise', 'tiles']
  """
  found: set[str] = set()
  for part in name.split('+'):
    factory = choose('corruption', part, _NAMED)
    related = [tag for tag, group in _RELATED.items() if factory in group]
    found.update(related or [part])
  return frozenset(found)
