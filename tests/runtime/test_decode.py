"""What one image file is read as, pixel by pixel."""

from __future__ import annotations

import io
import struct
import zlib

from data.readers.folder_cases import COLOR
import numpy as np
from PIL import Image
import pytest

from rdd_jax.runtime import decode

GRAY = COLOR[..., 0]


def _file(image, kind='png', **options):
  if isinstance(image, np.ndarray):
    image = Image.fromarray(image)
  out = io.BytesIO()
  image.save(out, kind, **options)
  return out.getvalue()


def _read(encoded):
  image, changes = decode.decode(encoded)
  return np.asarray(image), changes


@pytest.mark.parametrize('kind', ['png', 'bmp', 'ppm', 'tiff', 'webp'])
def test_plain_images_are_kept(kind):
  options = {'lossless': True} if kind == 'webp' else {}
  pixels, changes = _read(_file(COLOR, kind, **options))
  np.testing.assert_array_equal(pixels, COLOR)
  assert changes == ()


@pytest.mark.parametrize('kind', ['png', 'bmp', 'ppm', 'tiff'])
def test_gray_stays_gray(kind):
  pixels, changes = _read(_file(GRAY, kind))
  np.testing.assert_array_equal(pixels, GRAY)
  assert changes == ()


def test_one_bit_is_black_and_white():
  bits = Image.fromarray(GRAY > 99)
  pixels, changes = _read(_file(bits))
  np.testing.assert_array_equal(pixels, 255 * (GRAY > 99))
  assert changes == ()


@pytest.mark.parametrize(
  ('values', 'kind', 'expected'),
  [
    (np.array([[0, 128, 129, 65535]], np.uint16), 'png', [0, 0, 1, 255]),
    (np.array([[0, 257, 514, 65535]], np.uint16), 'tiff', [0, 1, 2, 255]),
    (np.array([[0, 257, 514, 65535]], np.uint16), 'ppm', [0, 1, 2, 255]),
    (np.array([[0, 2**30, 2**31 - 1]], np.int32), 'tiff', [0, 128, 255]),
    (np.array([[0, 0.5, 1]], np.float32), 'tiff', [0, 128, 255]),
  ],
)
def test_deep_images_are_scaled_by_the_range_of_their_type(
  values, kind, expected
):
  pixels, changes = _read(_file(values, kind))
  assert pixels.tolist() == [expected]
  assert changes == (decode.DEEP,)


@pytest.mark.parametrize(
  ('values', 'match'),
  [
    (np.array([[0, 2]], np.float32), r'of floats outside \[0, 1\]'),
    (np.array([[0, np.nan]], np.float32), r'of floats outside \[0, 1\]'),
    (np.array([[-1, 2**30]], np.int32), 'with negative values'),
    (np.array([[0, 255]], np.int32), 'less than 1/255 of their range'),
  ],
)
def test_deep_images_without_one_reading(values, match):
  with pytest.raises(decode.Undecodable, match=match):
    decode.decode(_file(values, 'tiff'))


def test_transparency_is_composed_on_white():
  clear = np.dstack([COLOR, np.full((4, 4), 255, np.uint8)])
  pixels, changes = _read(_file(clear))
  np.testing.assert_array_equal(pixels, COLOR)
  assert changes == ()
  clear[0, :, 3] = 0
  pixels, changes = _read(_file(clear))
  np.testing.assert_array_equal(pixels[0], np.full((4, 3), 255))
  np.testing.assert_array_equal(pixels[1:], COLOR[1:])
  assert changes == (decode.CLEAR,)
  pixels, changes = _read(_file(Image.fromarray(clear).convert('LA')))
  assert pixels.shape == (4, 4)
  assert (pixels[0] == 255).all()
  assert changes == (decode.CLEAR,)


def test_palettes_and_their_transparent_color():
  palette = Image.new('P', (2, 1))
  palette.putpalette([10, 20, 30, 40, 50, 60])
  palette.putpixel((1, 0), 1)
  pixels, changes = _read(_file(palette))
  assert pixels.tolist() == [[[10, 20, 30], [40, 50, 60]]]
  assert changes == ('with a palette, read as RGB',)
  pixels, changes = _read(_file(palette, transparency=1))
  assert pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]
  assert decode.CLEAR in changes


def test_cmyk_is_read_as_rgb():
  pixels, changes = _read(
    _file(Image.new('CMYK', (2, 2), (255, 0, 0, 0)), 'tiff')
  )
  assert pixels[0, 0].tolist() == [0, 255, 255]
  assert changes == ('of CMYK, read as RGB',)


@pytest.mark.parametrize('kind', ['png', 'tiff', 'webp'])
def test_exif_turns_the_image(kind):
  exif = Image.Exif()
  exif[0x0112] = 6  # to be turned clockwise
  options = {'lossless': True} if kind == 'webp' else {}
  tall = COLOR[:, :2]
  pixels, changes = _read(_file(tall, kind, exif=exif, **options))
  np.testing.assert_array_equal(pixels, np.rot90(tall, -1))
  assert changes == (decode.TURNED,)


@pytest.mark.parametrize('kind', ['gif', 'tiff', 'webp', 'png'])
def test_the_first_of_several_frames(kind):
  frames = [Image.fromarray(np.full((4, 4), v, np.uint8)) for v in (9, 99)]
  options = {'lossless': True} if kind == 'webp' else {}
  encoded = _file(
    frames[0], kind, save_all=True, append_images=frames[1:], **options
  )
  pixels, changes = _read(encoded)
  assert (pixels == 9).all()
  assert decode.FRAMES in changes


def test_pillows_limit_of_pixels_stays(monkeypatch):
  encoded = _file(COLOR)
  for most in (10, 5):  # a warning of Pillow's, and an error
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', most)
    with pytest.raises(decode.Undecodable, match=f'more than {most} pixels'):
      decode.decode(encoded)


@pytest.mark.parametrize(
  ('encoded', 'match'),
  [
    (b'', 'empty'),
    (b'hello', 'without an image inside'),
    (b'%!PS-Adobe-3.0 EPSF-3.0\n', 'without an image inside'),
    (_file(COLOR, 'bmp')[:-9], 'truncated or damaged'),
    (_file(COLOR)[:60], 'truncated or damaged'),
  ],
)
def test_what_is_no_image(encoded, match):
  with pytest.raises(decode.Undecodable, match=match):
    decode.decode(encoded)


def _turned():
  exif = Image.Exif()
  exif[0x0112] = 6
  return exif


def _deep_color():
  """A PNG of 16 bits a channel, which Pillow reads but does not write."""
  out = b'\x89PNG\r\n\x1a\n'
  for name, body in (
    (b'IHDR', struct.pack('>IIBBBBB', 1, 1, 16, 2, 0, 0, 0)),
    (b'IDAT', zlib.compress(b'\0' + bytes(range(6)))),
    (b'IEND', b''),
  ):
    out += struct.pack('>I', len(body)) + name + body
    out += struct.pack('>I', zlib.crc32(name + body))
  return out


def _all_kinds():
  """Files of every format and mode, plain and odd, and damaged ones."""
  yield _deep_color()
  modes = ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'I;16', 'F')
  color = Image.fromarray(np.tile(COLOR, (9, 9, 1)))
  for kind in ('bmp', 'gif', 'jpeg', 'png', 'ppm', 'tiff', 'webp'):
    for mode in modes:
      image = color.convert(mode if mode != 'I;16' else 'I').convert(mode)
      for options in (
        {},
        {'exif': _turned()},
        {'transparency': 9},
        {'xmp': b'<x tiff:Orientation="3"/>'},
        {'save_all': True, 'append_images': [image.rotate(90)]},
      ):
        try:
          encoded = _file(image, kind, **options)
        except (OSError, ValueError, TypeError, KeyError):
          continue  # the format has no such thing
        yield encoded
        yield encoded[: len(encoded) // 2]


def test_plain_files_are_read_as_all_others_are(monkeypatch):
  def outcome(encoded):
    try:
      pixels, changes = _read(encoded)
    except decode.Undecodable as error:
      return str(error)
    return pixels.shape, pixels.tobytes(), changes

  files = list(_all_kinds())
  short = [outcome(encoded) for encoded in files]
  monkeypatch.setattr(decode, '_PLAIN', ())
  assert short == [outcome(encoded) for encoded in files]
  assert len({repr(found) for found in short}) > 30
