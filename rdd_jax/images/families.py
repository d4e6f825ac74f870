"""Which corruptions count as the same family, by name.

The families and the choice of `CORE` come from measurements on fashion_mnist
and cifar10, with whole families left out of training and tested.
"""

from __future__ import annotations

from rdd_jax.core.errors import choose

# The six that serve best together.
CORE = ('tiles', 'inversion', 'resolution', 'warp', 'frequency', 'noise')
# Those of the main run of TrustDD's released code, by its names.
RELEASED_DEFAULT = ('jigsaw', 'invert', 'pixelate', 'gauss_speckle')
# All names of `corruptions.named`; a family has what differs from it too little
# to judge one by another.
RELATED: dict[str, tuple[str, ...]] = {
  'tiles': ('tiles', 'shuffle_tiles', 'jigsaw'),
  'inversion': (
    *('inversion', 'invert', 'negative', 'invert_released', 'solarize'),
    'fold',
  ),
  'resolution': ('resolution', 'pixelate', 'blur'),
  'warp': ('warp',),
  'frequency': ('frequency', 'noise_phase', 'swap_amplitude'),
  'noise': (
    *('noise', 'speckle', 'gauss_speckle', 'uniform_speckle', 'add_noise'),
  ),
  'rotation': ('rotation', 'rotate'),
  'mix': ('mix', 'arithmetic_mean', 'avg_mean', 'geometric_mean', 'geo_mean'),
  'paste': ('paste',),
  'flat': ('flat', 'posterize', 'silhouette', 'outline'),
  'color': ('rgb_ghost',),
}


def family_of(name: str) -> frozenset[str]:
  """Returns the families that training on this name makes familiar.

  They are the names of `RELATED`. What is tested as unseen must share none of
  them.

  Raises:
    UserError: for an unknown name.

  >>> sorted(family_of('jigsaw+gauss_speckle'))
  ['noise', 'tiles']
  """
  families = {name: tag for tag, names in RELATED.items() for name in names}
  return frozenset(
    choose('corruption', part, families) for part in name.split('+')
  )
