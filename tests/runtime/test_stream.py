"""Rows of a stream are what was looked at, whoever reads them, and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
import os
from pathlib import Path
import signal

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageFile
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import Streamed, expecting, some_of
from rdd_jax.data.readers.streaming import look_at
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime import rows as reading
from rdd_jax.runtime.pixels import read_one
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.rows import Form, fetch
from rdd_jax.runtime.shared import Part, Shared, share
from rdd_jax.runtime.sources import Files
from rdd_jax.runtime.stream import Stream, StreamReader
from rdd_jax.runtime.workers import Workers

N = 37


@pytest.fixture(scope='module')
def pool() -> Iterator[Workers]:
  found = Workers(2)
  yield found
  found.stop()


@pytest.fixture(scope='module')
def known() -> np.ndarray:
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (N, 6, 5, 3), dtype=np.uint8)


@pytest.fixture
def files(tmp_path: Path, known: np.ndarray) -> Files:
  paths = [str(tmp_path / f'{row}.png') for row in range(N)]
  for path, image in zip(paths, known, strict=True):
    Image.fromarray(image).save(path)
  return Files(paths)


def stream(files: Files, pool: Workers, form: Form = (None, None)) -> Streamed:
  with Progress(N, 'reading') as progress:
    seen = look_at(files, form, pool, progress)
  height, width, channels = seen.shapes[0].tolist()
  found = Stream(files, form, (height, width, channels), seen, 'folder:x')
  return Streamed(StreamReader(found, pool))


ROWS = (
  slice(None),
  slice(3, 20, 4),
  np.array([5, 5, 0, 36, 5]),
  np.arange(N) % 3 == 0,
  np.array([-1, 2]),
  np.zeros(0, int),
  7,
)


@pytest.mark.parametrize('workers', [0, 2])
def test_rows_are_as_numpy_indexes_them(
  files: Files, known: np.ndarray, pool: Workers, workers: int
):
  images = stream(files, pool if workers else Workers(0))
  assert images.shape == known.shape
  assert len(images) == N
  for rows in ROWS:
    np.testing.assert_array_equal(images[rows], known[rows])
  np.testing.assert_array_equal(np.stack(list(images)), known)
  with pytest.raises(IndexError, match='rows 2 to 37 of 37'):
    images[np.array([2, N])]
  with pytest.raises(TypeError, match='37 streamed images are no array'):
    np.asarray(images)


def test_a_part_is_a_stream_of_its_own(
  files: Files, known: np.ndarray, pool: Workers
):
  rows = np.array([30, 4, 4, 9])
  images = stream(files, pool)
  part = some_of(images, rows)
  np.testing.assert_array_equal(part[1:], known[rows][1:])
  again = some_of(some_of(images, np.arange(N)[::-1]), N - 1 - rows)
  assert again.reader.identity == part.reader.identity
  assert part.reader.identity != images.reader.identity


def test_a_program_draws_the_rows_that_it_would_from_memory(
  files: Files, known: np.ndarray, pool: Workers
):
  @jax.jit
  def epoch(images: Streamed | jax.Array, key: jax.Array) -> jax.Array:
    order = jax.random.randint(key, (6, 4), 0, N)
    order = expecting(images, order)
    each = jax.lax.map(lambda rows: images[rows].sum((1, 2, 3)), order)
    once = jax.vmap(lambda rows: images[rows].max())(order)
    return each.sum(1) + once

  images = stream(files, pool)
  for seed in range(2):
    key = jax.random.key(seed)
    np.testing.assert_array_equal(
      epoch(images, key), epoch(jnp.asarray(known), key)
    )


@pytest.mark.parametrize('rows', [8, 6])
def test_devices_read_their_share(
  files: Files, known: np.ndarray, pool: Workers, rows: int
):
  images, asked = stream(files, pool), []
  read = images.reader.read
  images.reader.read = lambda x: asked.append(len(x)) or read(x)
  mesh = meshes.make_mesh(4)
  with meshes.use(mesh):
    numbers = meshes.replicate(np.arange(rows), mesh)
    found = jax.jit(lambda images, x: images[x].astype(int).sum())(
      images, numbers
    )
  assert int(found) == known[:rows].sum()
  assert asked == [rows // 4 if rows == 8 else rows] * 4


def test_what_is_expected_is_read_ahead(
  files: Files, known: np.ndarray, pool: Workers
):
  images = stream(files, pool)
  order = np.random.default_rng(1).integers(0, N, (12, 5))
  images.expect(order)
  np.testing.assert_array_equal(images[order[2]], known[order[2]])
  ahead = images.reader._asked
  assert list(ahead) == [row.tobytes() for row in order[3:9]]
  for rows in order[3:]:
    np.testing.assert_array_equal(images[rows], known[rows])
  np.testing.assert_array_equal(images[order[0]], known[order[0]])


@pytest.mark.parametrize('devices', [1, 4, 12])
def test_nothing_that_is_coming_is_dropped(
  files: Files, pool: Workers, devices: int, monkeypatch: pytest.MonkeyPatch
):
  images = stream(files, pool)
  order = np.random.default_rng(2).permutation(36).reshape(3, 12)
  images.expect(order)
  asked, ask = [], StreamReader._ask

  def counted(self: StreamReader, rows: np.ndarray, parts: int):
    asked.append(rows.tobytes())
    return ask(self, rows, parts)

  monkeypatch.setattr(StreamReader, '_ask', counted)
  for line in order:
    for part in np.split(line, devices):
      images[part]
  assert len(asked) == len(set(asked)) == 3 * devices


@pytest.mark.parametrize('damage', ['gone', 'cut', 'other'])
def test_a_file_that_changes_is_named_and_read_when_it_is_back(
  files: Files, known: np.ndarray, pool: Workers, damage: str
):
  images, path = stream(files, pool), Path(files.paths[11])
  whole = path.read_bytes()
  if damage == 'gone':
    path.unlink()
  elif damage == 'cut':
    path.write_bytes(whole[: len(whole) // 2])
  else:
    path.write_bytes(Path(files.paths[12]).read_bytes())
  said = {'gone': 'missing', 'cut': 'damaged', 'other': 'another image'}
  for _ in range(2):
    with pytest.raises(UserError, match=rf'11\.png is .*{said[damage]}'):
      images[9:13]
    np.testing.assert_array_equal(images[12:20], known[12:20])
  path.write_bytes(whole)
  np.testing.assert_array_equal(images[9:13], known[9:13])


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


@pytest.mark.slow
def test_killed_processes_are_started_again(
  files: Files, known: np.ndarray, capsys: pytest.CaptureFixture[str]
):
  pool = Workers(1)
  try:
    images = stream(files, pool)
    for _ in range(4):  # not in turn
      os.kill(pool.submit(os.getpid).future.result(), signal.SIGKILL)
      np.testing.assert_array_equal(images[:5], known[:5])
    assert 'was killed: they are started again' in capsys.readouterr().out
    task = pool.submit(os.kill, os.getpid(), 0)
    pool.result(task)
    with pytest.raises(UserError, match=r'3 times in turn.*workers=1'):
      pool.result(pool.submit(_die))
  finally:
    pool.stop()


def _refused(*_) -> None:
  raise AssertionError('read anew')


def _die() -> None:
  os.kill(os.getpid(), signal.SIGKILL)
