"""Whether pixels, as a scale makes them, look like pixels."""

from __future__ import annotations

import numpy as np

from rdd_jax.core.streamed import HostImages

WIDE = (-0.5, 1.5)  # distilled pixels, which are not clipped, seldom leave this
MANY = 0.25  # of pixels: of standardized values taken as 0..1, 4 in 10 do
# Of the spread of pixels over that of training rows: beyond, they were most
# likely standardized or whitened otherwise than they are taken.
SPREAD = (0.4, 4.0)


def plausible(
  pixels: np.ndarray, rows: HostImages, hint: str = ''
) -> tuple[str, ...]:
  """Returns the range of pixels, and a warning where they look like none.

  Args:
    pixels: `f[n, H, W, C]` on the scale of 0..1, perhaps beyond it.
    rows: `u8[N, H, W, C]`, training rows.
    hint: what else to try, for the warning.

  Returns:
    One sentence, or two.

  >>> rows = np.array([0, 255], np.uint8)
  >>> plausible(np.array([0.0, 1.0]), rows)[0].partition(',')[0]
  'pixels go from 0 to 1 where black is 0 and white 1'
  >>> len(plausible(np.array([-7.0, 8.0]), rows))
  2
  """
  low, high = WIDE
  outside = float(np.mean((pixels < low) | (pixels > high)))
  real = float(np.std(rows[:1000] / 255))
  ratio = float(pixels.std()) / max(real, 1e-6)
  notes = (
    f'pixels go from {pixels.min():.3g} to {pixels.max():.3g} where black is 0 '
    f'and white 1, {outside:.0%} of them outside {low:g}..{high:g}; they vary '
    f'{ratio:.1f} times as much as training rows',
  )
  if outside > MANY or not SPREAD[0] <= ratio <= SPREAD[1]:
    notes += (
      'WARNING: pixels are hardly ever so, and the scale is likely another: '
      f'pass another --scale{hint}',
    )
  return notes


def seams(pixels: np.ndarray) -> int:
  """Returns the factor of multi-formation that images look like, or 1.

  Where the tiles of images `f[n, H, W, C]` meet, neighboring pixels differ more
  than anywhere else, along both sides.

  >>> tiles = np.kron(np.arange(4.0).reshape(1, 2, 2), np.ones((4, 4)))
  >>> seams(tiles[..., None]), seams(np.zeros((1, 8, 8, 1)))
  (2, 1)
  """
  for factor in (2, 3):
    if all(_cut(pixels, axis, factor) for axis in (1, 2)):
      return factor
  return 1


def _cut(pixels: np.ndarray, axis: int, factor: int) -> bool:
  side = pixels.shape[axis]
  tile = -(-side // factor)
  others = tuple(a for a in range(pixels.ndim) if a != axis)
  jumps = np.abs(np.diff(pixels, axis=axis)).mean(others)
  edges = [tile * k - 1 for k in range(1, factor)]
  if tile < 2 or edges[-1] >= len(jumps):
    return False
  inside = np.delete(jumps, edges)
  return bool(jumps[edges].min() > 1.3 * inside.max())
