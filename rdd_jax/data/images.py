"""Decodes images to one uint8 array, resized and recolored."""

from __future__ import annotations

from collections.abc import Iterable
import io
from typing import TYPE_CHECKING
import warnings

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import HostImages, Streamed
from rdd_jax.runtime.decode import FORMATS, fitted
from rdd_jax.runtime.sizes import require_memory

if TYPE_CHECKING:
  from PIL import Image

Size = int | tuple[int, int] | None

_DEEP = ('I', 'F')  # 'I;16' and its like start with 'I'


def height_width(size: Size) -> tuple[int, int] | None:
  """Returns a size argument as (H, W); one number is a square.

  >>> height_width(32), height_width((16, 32))
  ((32, 32), (16, 32))
  """
  if size is None:
    return None
  pair = (size, size) if isinstance(size, int) else tuple(size)
  if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair):
    raise UserError(
      f'size is {size!r}; give a positive int or (height, width), on the '
      'command line --config.data.size=64'
    )
  return pair[0], pair[1]


def check_channels(channels: int | None) -> None:
  """Raises a UserError unless channels is None, 1 or 3."""
  if channels not in (None, 1, 3):
    raise UserError(
      f'channels is {channels!r}; give 1 (grayscale), 3 (color) or None, on '
      'the command line --config.data.channels=1 or 3, or 0 as they are'
    )


def stack(
  sources: Iterable[tuple[str, bytes]],
  count: int,
  size: Size,
  channels: int | None,
) -> np.ndarray:
  """Decodes `count` images into one preallocated array.

  Args:
    sources: pairs of a name, for errors, and an encoded image.
    count: how many there are.
    size: see `load`; None keeps the size, which must then be common.
    channels: see `load`; None keeps the channels, which must be common.

  Returns:
    u8[count, H, W, C].

  Raises:
    UserError: naming the image that is corrupt or unlike the first one.
  """
  target = height_width(size)
  check_channels(channels)
  out: np.ndarray = np.empty((0, 0, 0, 0), np.uint8)
  first = ''
  for i, (name, encoded) in enumerate(sources):
    image = fitted(_decode(name, encoded), target, channels)
    if i == 0:
      require_memory(count * image.nbytes, f'{count} images like {name}')
      out, first = np.empty((count, *image.shape), np.uint8), name
    if image.shape[:2] != out.shape[1:3]:
      raise UserError(
        f'{first} is {_by(out.shape[1:3])} but {name} is '
        f'{_by(image.shape[:2])} pixels; set size= (--config.data.size=) to '
        'resize all images'
      )
    if image.shape[2] != out.shape[3]:
      gray, colour = (name, first) if image.shape[2] == 1 else (first, name)
      raise UserError(
        f'{gray} is grayscale but {colour} is in color; set channels= '
        '(--config.data.channels=) to 1 or 3'
      )
    out[i] = image
  return out


def whole(images: HostImages) -> np.ndarray:
  """Returns images as an array; reads those of a stream.

  Raises:
    TooLarge: where they do not fit into memory.

  >>> whole(np.zeros((2, 8, 8, 1), np.uint8)).shape
  (2, 8, 8, 1)
  """
  if not isinstance(images, Streamed):
    return images
  what = f'{len(images)} images, which are needed whole,'
  require_memory(images.nbytes, what)
  return images[:]


def convert(images: HostImages, size: Size, channels: int | None) -> np.ndarray:
  """Resizes and recolors images as `load` says.

  Args:
    images: u8[N, H, W, C].
    size: see `load`; None keeps it.
    channels: see `load`; None keeps them.

  Raises:
    UserError: for images of neither 1 nor 3 channels.

  >>> convert(np.zeros((2, 8, 8, 1), np.uint8), 4, 3).shape
  (2, 4, 4, 3)
  """
  from PIL import Image

  target = height_width(size)
  check_channels(channels)
  images = whole(images)
  height, width, depth = images.shape[1:]
  target = target or (height, width)
  if target == (height, width) and channels in (None, depth):
    return images
  if depth not in (1, 3):
    raise UserError(
      f'images have {depth} channels; only 1 or 3 can be resized or recoloured'
    )
  out = np.empty((len(images), *target, channels or depth), np.uint8)
  for row, image in zip(out, images, strict=True):
    flat = image[..., 0] if depth == 1 else image
    row[:] = fitted(Image.fromarray(flat), target, channels)
  return out


def _decode(name: str, encoded: bytes) -> Image.Image:
  from PIL import Image

  bombs = Image.DecompressionBombError, Image.DecompressionBombWarning
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('error', Image.DecompressionBombWarning)
      image = Image.open(io.BytesIO(encoded), formats=FORMATS)
      image.load()
  except bombs as error:
    raise UserError(
      f'{name} has more than {Image.MAX_IMAGE_PIXELS} pixels, the limit of '
      'Pillow; make it smaller or remove it'
    ) from error
  except (OSError, SyntaxError, ValueError) as error:
    reason = str(error).splitlines()[0]
    raise UserError(
      f'{name} is not a readable image ({reason}); replace or remove it'
    ) from error
  if image.mode.startswith(_DEEP):
    raise UserError(
      f'{name} has more than 8 bits per channel (mode {image.mode}); '
      'save it as 8-bit'
    )
  return image


def _by(shape: tuple[int, ...]) -> str:
  return 'x'.join(str(n) for n in shape)
