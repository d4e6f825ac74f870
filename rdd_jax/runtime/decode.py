"""Decodes an image file to 8 bits, gray or color, and says what it changed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple
import warnings

import numpy as np

if TYPE_CHECKING:
  from PIL import Image

# Only these are tried: others, such as EPS, start programs.
FORMATS = ('BMP', 'GIF', 'JPEG', 'PNG', 'PPM', 'TIFF', 'WEBP')
_GRAY = ('1', 'L', 'LA')
_ORIENTATION, _BITS, _SAMPLE_FORMAT = 0x0112, 258, 339
_SIGNED = 2  # of TIFF's sample formats

# Most files are of these, and what may be odd about one is in `Image.info`.
_PLAIN = ('BMP', 'JPEG', 'PNG', 'PPM')
_ODD = {'transparency', 'exif', 'xmp', 'XML:com.adobe.xmp'}
_ODD |= {'Raw profile type exif'}

DEEP = 'of more than 8 bits to 8, by the range of the type'
CLEAR = 'with transparency, on white'
TURNED = 'turned as EXIF says'
FRAMES = 'of several frames, of which the first is read'


class Undecodable(Exception):
  """A file without a reading; the message follows a count of files."""


class Decoded(NamedTuple):
  """An image and what was done to it.

  Attributes:
    image: of mode 'L' or 'RGB'.
    changes: each follows a count of images.
  """

  image: Image.Image
  changes: tuple[str, ...] = ()


def decode(encoded: bytes) -> Decoded:
  """Decodes one image, `u8[H, W]` or `u8[H, W, 3]`.

  | what is given | what is read |
  |---|---|
  | integers of b > 8 bits | `255 v / (2^b - 1)`, rounded; with a sign, b - 1 |
  | | of them count, and negative values are refused; color of 16 bits is |
  | | what Pillow makes of it, its high byte |
  | 32-bit floats | `255 v`, rounded; values outside [0, 1] are refused |
  | transparency, of any kind | the image on white |
  | palette, CMYK, YCbCr | RGB |
  | an EXIF orientation | the image turned |
  | several frames | the first |

  Raises:
    Undecodable: for what is no image, damaged, above Pillow's limit of pixels,
      or has no such reading.

  >>> from PIL import Image
  >>> file = io.BytesIO()
  >>> Image.fromarray(np.array([[0, 65535]], np.uint16)).save(file, 'png')
  >>> image, changes = decode(file.getvalue())
  >>> np.asarray(image).tolist(), changes == (DEEP,)
  ([[0, 255]], True)
  """
  from PIL import Image

  if not encoded:
    raise Undecodable('empty')
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # of odd metadata, by Pillow
    warnings.simplefilter('error', Image.DecompressionBombWarning)
    try:
      return _decode(encoded)
    except Undecodable:
      raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
      raise Undecodable(
        f'of more than {Image.MAX_IMAGE_PIXELS} pixels, the limit of Pillow'
      ) from e
    except Image.UnidentifiedImageError as error:
      raise Undecodable('without an image inside') from error
    # What Pillow raises depends on the format and on the damage.
    except Exception as error:
      raise Undecodable('truncated or damaged') from error


def fitted(
  image: Image.Image, size: tuple[int, int] | None, channels: int | None
) -> np.ndarray:
  """Resizes and recolors one image.

  Args:
    image: of 8 bits per channel.
    size: (H, W), or None to keep it.
    channels: 1, 3, or None to keep gray or color.

  Returns:
    `u8[H, W, C]`.

  >>> from PIL import Image
  >>> fitted(Image.new('L', (8, 6)), (2, 3), 3).shape
  (2, 3, 3)
  """
  from PIL import Image

  channels = channels or (1 if image.mode in _GRAY else 3)
  mode = 'L' if channels == 1 else 'RGB'
  if image.mode != mode:
    image = image.convert(mode)
  if size is not None and size != (image.height, image.width):
    # Pillow widens the triangle when it shrinks: antialiased both ways.
    image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
  return np.asarray(image).reshape(image.height, image.width, channels)


def _decode(encoded: bytes) -> Decoded:
  from PIL import Image

  opened = Image.open(io.BytesIO(encoded), formats=FORMATS)
  deep = _is_deep(opened)
  if opened.format in _PLAIN and opened.mode in ('L', 'RGB') and not deep:
    opened.load()
    if _ODD.isdisjoint(opened.info) and not _has_frames(opened):
      return Decoded(opened)
  return _converted(opened, deep)


def _converted(opened: Image.Image, deep: bool) -> Decoded:
  # Before the pixels are loaded, since TIFF is turned then.
  from PIL import Image, ImageOps

  orientation = opened.getexif().get(_ORIENTATION, 1)
  top = _largest(opened)
  opened.load()
  image = opened.copy()  # looking for a second frame may move on to it
  changes = [DEEP] if deep else []
  if _has_frames(opened):
    changes.append(FRAMES)
  if orientation in range(2, 9):
    changes.append(TURNED)
    if opened.format != 'TIFF':
      image = ImageOps.exif_transpose(image)
  if image.mode.startswith(('I', 'F')):
    if 'transparency' in image.info:
      raise Undecodable('of more than 8 bits with a transparent value')
    image = Image.fromarray(_shallow(np.asarray(image), top))
  if image.has_transparency_data:
    image, clear = _on_white(image)
    changes += [CLEAR] if clear else []
  if image.mode in ('1', 'L'):
    return Decoded(image.convert('L'), tuple(changes))
  if image.mode not in ('P', 'RGB'):
    changes.append(f'of {image.mode}, read as RGB')
  elif image.mode == 'P':
    changes.append('with a palette, read as RGB')
  return Decoded(image.convert('RGB'), tuple(changes))


def _is_deep(opened: Image.Image) -> bool:
  """Tells whether the file has more than 8 bits, whatever Pillow keeps."""
  raw = ' '.join(str(tile[3]) for tile in getattr(opened, 'tile', ()))
  return opened.mode.startswith(('I', 'F')) or ';16' in raw


def _largest(opened: Image.Image) -> int:
  """The largest value of the file's type."""
  if opened.format == 'TIFF':
    tags = getattr(opened, 'tag_v2', {})
    bits = int(tags.get(_BITS, (8,))[0])
    signed = tags.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED
    return 2 ** (bits - 1 if signed else bits) - 1
  return 2**16 - 1  # PNG and PPM have no more


def _shallow(values: np.ndarray, largest: int) -> np.ndarray:
  """Scales to u8 by the range of the type."""
  if values.dtype.kind == 'f':
    if not (values.min() >= 0 and values.max() <= 1):  # and so for NaN
      raise Undecodable('of floats outside [0, 1]')
    return np.rint(values.astype(np.float64) * 255).astype(np.uint8)
  if largest == 2**32 - 1:  # Pillow keeps these with a sign
    values = values.astype(np.int32).view(np.uint32)
  if values.min() < 0:
    raise Undecodable('with negative values')
  scaled = np.rint(values.astype(np.float64) * (255 / largest))
  if largest >= 2**31 - 1 and values.any() and not scaled.any():
    raise Undecodable('of 32 bits that use less than 1/255 of their range')
  return scaled.clip(0, 255).astype(np.uint8)


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
  """Composes on white; tells whether any pixel let it through."""
  from PIL import Image

  gray = image.mode in ('1', 'L', 'LA', 'La')
  if image.mode == 'La':
    image = image.convert('LA')
  front = image.convert('RGBA')
  lowest, _ = front.getchannel('A').getextrema()
  if lowest == 255:
    return front.convert('L' if gray else 'RGB'), False
  back = Image.new('RGBA', front.size, 'white')
  out = Image.alpha_composite(back, front)
  return out.convert('L' if gray else 'RGB'), True


def _has_frames(opened: Image.Image) -> bool:
  try:
    return bool(getattr(opened, 'is_animated', False))
  except Exception:  # a damaged second frame is one of several
    return True
