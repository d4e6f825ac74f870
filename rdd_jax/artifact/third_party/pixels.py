"""The order of an image's axes, and the scale of its values."""

from __future__ import annotations

import numpy as np

from rdd_jax.core.errors import UserError, choose

LAYOUTS = ('', 'HWC', 'CHW')
# 'pixels' are 0..1 ('unit') or 0..255 ('bytes'), whichever they look like.
SCALES = ('', 'pixels', 'unit', 'bytes', 'signed', 'standardized', 'whitened')
INPUTS = ('standardized', 'whitened')  # what networks take, not pixels
CLIPPED = 0.01  # as much as clipped pixels may be outside [0, 1] by rounding
UNCLIPPED = 20  # pixels on the scale of [0, 1] that were never clipped are less


def arrange(
  images: np.ndarray,
  shape: tuple[int, int, int],
  layout: str,
  where: str,
) -> np.ndarray:
  """Returns images with channels last.

  Args:
    images: `[n, H, W, C]`, `[n, C, H, W]`, `[n, H, W]` where C is 1, or
      flattened.
    shape: `(H, W, C)` of the data set whose test rows are used.
    layout: 'HWC' or 'CHW'; '' takes the one that fits.
    where: what errors call the images.

  Returns:
    `[n, H, W, C]`, in the type that was given.

  Raises:
    UserError: if neither order fits, or both do.
  """
  choose('layout', layout, dict.fromkeys(LAYOUTS))
  height, width, channels = shape
  given = images.shape[1:]
  sizes = {'HWC': (height, width, channels), 'CHW': (channels, height, width)}
  flat = given == (height * width * channels,)
  fitting = [name for name, size in sizes.items() if flat or given == size]
  if channels == 1 and (given == (height, width) or flat):
    fitting = ['HWC']
  elif layout:
    fitting = [name for name in fitting if name == layout]
  if not fitting:
    raise UserError(
      f'{where} are {list(images.shape)}{layout and f" as {layout}"}, but test '
      f'rows are {height}x{width}x{channels}; pass another --dataset, resize '
      'its rows by --size and --channels, or name another array by --images_key'
    )
  if len(fitting) > 1:
    raise UserError(
      f'{where} are {list(images.shape)}, which may be HWC or CHW; pass '
      '--layout=HWC or --layout=CHW'
    )
  if fitting == ['HWC']:
    return images.reshape(-1, *shape)
  return np.moveaxis(images.reshape(-1, *sizes['CHW']), 1, -1)


def scale_of(images: np.ndarray, scale: str, where: str) -> str:
  """Finds the scale of images: 'unit', 'bytes', 'signed', or of `INPUTS`.

  Args:
    images: of any shape.
    scale: one of `SCALES`; '' and 'pixels' look at the values.
    where: what errors call the images.

  Raises:
    UserError: if values are not finite, are not on the scale, or could be on
      several.
  """
  choose('scale', scale, dict.fromkeys(SCALES))
  whole = np.issubdtype(images.dtype, np.integer)
  if not whole and not np.issubdtype(images.dtype, np.floating):
    raise UserError(f'{where} are {images.dtype}; give integers or floats')
  low, high = float(images.min()), float(images.max())
  if not np.isfinite(low + high):
    raise UserError(
      f'{where} are not all finite (from {low} to {high}); distil them again'
    )
  values = f'{where} are {images.dtype} from {low:.3g} to {high:.3g}'
  if whole and (low < 0 or high > 255 or scale in (*INPUTS, 'signed')):
    raise UserError(
      f'{values}; integers are pixels in 0..255: give floats, or pass '
      '--scale=bytes'
    )
  if scale in ('unit', 'signed') and max(-low, high) > UNCLIPPED:
    raise UserError(
      f'{values}, far outside {"0..1" if scale == "unit" else "-1..1"}; pass '
      '--scale=bytes for pixels in 0..255, or --scale=standardized'
    )
  if scale not in ('', 'pixels'):
    return scale
  if high <= 1.0 if whole else high < 0.1 and low > -CLIPPED:
    raise UserError(
      f'{values}, which may be on either scale; pass --scale=unit for 0..1 or '
      '--scale=bytes for 0..255'
    )
  if whole:
    return 'bytes'
  if low >= -CLIPPED and high <= 1 + CLIPPED:
    return 'unit'
  if low >= -255 * CLIPPED and UNCLIPPED < high <= 255 * (1 + CLIPPED):
    return 'bytes'
  raise UserError(
    f'{values}, neither 0..1 nor 0..255; pass --scale=standardized (less the '
    'mean, over the std, of each channel), --scale=whitened (ZCA), '
    '--scale=signed (-1..1), or, for pixels that are not clipped, --scale=unit '
    'or --scale=bytes'
  )
