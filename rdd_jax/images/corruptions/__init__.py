"""Corruptions that make outliers of images (TrustDD's pseudo-outliers).

Each is a function `(key, pixels f[n, H, W, C] in [0, 1]) -> pixels` that keeps
the range, the shape and the dtype, for any size and number of channels. Random
ones draw anew for each row.
"""

from rdd_jax.images.corruptions.combine import in_turn, one_of, sequence
from rdd_jax.images.corruptions.corruption import Corruption
from rdd_jax.images.corruptions.families import (
  FAMILIES,
  RELEASED,
  named,
)
from rdd_jax.images.corruptions.flat import outline, posterize, silhouette
from rdd_jax.images.corruptions.frequency import noise_phase, swap_amplitude
from rdd_jax.images.corruptions.geometry import (
  jigsaw,
  rotate,
  shuffle_tiles,
  warp,
)
from rdd_jax.images.corruptions.pairs import (
  arithmetic_mean,
  geometric_mean,
  paste,
)
from rdd_jax.images.corruptions.pixels import (
  add_noise,
  blur,
  fold,
  invert,
  invert_released,
  pixelate,
  rgb_ghost,
  solarize,
  speckle,
  uniform_speckle,
)

__all__ = [
  'FAMILIES',
  'RELEASED',
  'Corruption',
  'add_noise',
  'arithmetic_mean',
  'blur',
  'fold',
  'geometric_mean',
  'in_turn',
  'invert',
  'invert_released',
  'jigsaw',
  'named',
  'noise_phase',
  'one_of',
  'outline',
  'paste',
  'pixelate',
  'posterize',
  'rgb_ghost',
  'rotate',
  'sequence',
  'shuffle_tiles',
  'silhouette',
  'solarize',
  'speckle',
  'swap_amplitude',
  'uniform_speckle',
  'warp',
]
