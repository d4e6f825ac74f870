"""Rows are read again as the first time, and written where they should be."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile
import pytest
from runtime.stream_cases import N, stream

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import rows as reading
from rdd_jax.runtime.pixels import read_one
from rdd_jax.runtime.rows import fetch
from rdd_jax.runtime.shared import Part, Shared, share
from rdd_jax.runtime.sources import Files
from rdd_jax.runtime.workers import Workers


def jpegs(root: Path) -> tuple[Files, np.ndarray]:
  """Files of all kinds that JPEG has, and the pixels that a reader finds."""
  rng = np.random.default_rng(1)
  color = Image.fromarray(rng.integers(0, 256, (24, 17, 3), dtype=np.uint8))
  turned = Image.Exif()
  turned[0x0112] = 6
  other = color.transpose(Image.Transpose.ROTATE_90)
  kinds: dict[str, tuple[Image.Image, dict]] = {
    'plain': (color, {}),
    'progressive': (color, {'progressive': True, 'quality': 40}),
    'profile': (color, {'icc_profile': b'x' * 64}),
    'gray': (color.convert('L'), {}),
    'cmyk': (color.convert('CMYK'), {}),
    'turned': (other, {'exif': turned}),
    'larger': (color.resize((34, 48)), {}),
  }
  for name, (image, how) in kinds.items():
    image.save(root / f'{name}.jpg', **how)
  paths = [str(root / f'{name}.jpg') for name in kinds]
  rows = [read_one(path, (24, 17), 3).row for path in paths]
  return Files(paths), np.stack([row for row in rows if row is not None])


@pytest.mark.parametrize('workers', [0, 2])
def test_a_known_jpeg_is_read_as_an_unknown_one(
  tmp_path: Path,
  pool: Workers,
  workers: int,
  monkeypatch: pytest.MonkeyPatch,
):
  files, known = jpegs(tmp_path)
  pool = pool if workers else Workers(0)
  images = stream(files, pool, ((24, 17), 3))
  np.testing.assert_array_equal(images[:], known)
  if not workers:
    monkeypatch.setattr(reading, 'read_one', _refused)
    np.testing.assert_array_equal(images[:3], known[:3])
    for row in range(3, len(known)):
      with pytest.raises(AssertionError, match='read anew'):
        images[row]


def test_a_truncated_jpeg_is_read_again_where_pillow_may_read_it(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
  files, known = jpegs(tmp_path)
  path = Path(files.paths[0])
  path.write_bytes(path.read_bytes()[:-200])
  monkeypatch.setattr(ImageFile, 'LOAD_TRUNCATED_IMAGES', True)
  found = stream(files, Workers(0), ((24, 17), 3))[0]
  np.testing.assert_array_equal(found, read_one(path, (24, 17), 3).row)
  assert (found != known[0]).any()


def test_a_jpeg_that_has_grown_is_not_taken_for_the_known_one(tmp_path: Path):
  files, _ = jpegs(tmp_path)
  images = stream(files, Workers(0), ((24, 17), 3))
  os.replace(files.paths[6], files.paths[0])
  with pytest.raises(UserError, match=r'plain\.jpg is another image'):
    images[0]


def test_where_memory_is_not_shared_rows_are_sent(
  files: Files,
  known: np.ndarray,
  pool: Workers,
  monkeypatch: pytest.MonkeyPatch,
):
  nowhere = partial(Part, '/no/such/file', (0, 0))
  monkeypatch.setattr(Shared, 'part', lambda _, *rows: nowhere(*rows))
  np.testing.assert_array_equal(stream(files, pool)[:], known)
  monkeypatch.delattr(os, 'memfd_create', raising=False)
  np.testing.assert_array_equal(stream(files, pool)[:], known)


@pytest.mark.skipif(
  not hasattr(os, 'memfd_create'), reason='memory is not shared here'
)
def test_rows_are_written_to_their_memory_and_nowhere_else(
  files: Files, known: np.ndarray, pool: Workers, tmp_path: Path
):
  memory = share(known.shape)
  assert memory is not None
  part, unknown = memory.part(0, N), np.zeros(N, np.uint32)
  call = fetch, files, (None, None), known.shape[1:], unknown, part
  found = pool.result(pool.submit(*call))
  assert found.images is None
  np.testing.assert_array_equal(memory.rows, known)
  del memory
  other = tmp_path / 'other'
  other.write_bytes(bytes(known.size))
  with ExitStack() as stack:  # until one has the number that was free
    while os.path.realpath(part.path) != str(other):
      stack.enter_context(other.open('rb'))
    found = pool.result(pool.submit(*call))
  np.testing.assert_array_equal(found.images, known)
  assert not any(other.read_bytes())


def test_no_file_is_left_open(files: Files, pool: Workers):
  pool.result(pool.submit(int))  # processes are there
  before = len(os.listdir('/dev/fd'))
  images = stream(files, pool)
  for _ in range(3):  # guesses that are wrong, too
    images[np.array([4, 2])]
    images[np.arange(8)]
  del images
  assert len(os.listdir('/dev/fd')) == before


def _refused(*_) -> None:
  raise AssertionError('read anew')
