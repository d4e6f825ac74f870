"""Rows of a stream are what was looked at, whoever reads them, and when."""

from __future__ import annotations

import os
from pathlib import Path
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from runtime.stream_cases import N, stream

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import Streamed, expecting, identity, some_of
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.sources import Files
from rdd_jax.runtime.stream import StreamReader
from rdd_jax.runtime.workers import Workers

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
  assert identity(again) == identity(part) == identity(part[:])
  assert identity(part) != identity(images)


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


def _die() -> None:
  os.kill(os.getpid(), signal.SIGKILL)
