"""What is stopped anywhere ends as if it had not been, to the last bit."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import pytest

from rdd_jax.core.parts import in_one
from rdd_jax.experiment import parted
from rdd_jax.experiment.parted import Parted

TOTAL = 40
KEY = jax.random.key(3)


@pytest.fixture(autouse=True)
def _every_step_is_written(monkeypatch):
  for name in ('CALL', 'SAVE_EVERY', 'WORTH'):
    monkeypatch.setattr(parted, name, -1.0 if name != 'CALL' else 0.0)


@jax.jit
def start():
  return {'x': jnp.ones(3), 'key': jax.random.key(1), 'n': jnp.int32(0)}


@jax.jit
def advance(state, first, last):
  def step(i, s):
    noise = jax.random.normal(jax.random.fold_in(s['key'], i), (3,))
    return {**s, 'x': jnp.sin(s['x'] * 3) + noise, 'n': s['n'] + 1}

  return jax.lax.fori_loop(first, last, step, state)


def plain(state):
  return {**state, 'key': jax.random.key_data(state['key'])}


WHOLE = plain(in_one('x', KEY, start, advance, TOTAL))


def run(parts, arrays=(), made_of=None, advance=advance):
  parts = parted.adding(parts, made_of or {}, 'a test')
  return plain(parts('x', arrays, start, advance, TOTAL))


class Cut(Exception):
  pass


def cut(at, seen, state, first, last):
  seen.append(int(first))
  if first >= at:
    raise Cut
  return advance(state, first, last)


def files(directory: Path) -> list[Path]:
  return sorted(directory.glob('*.npz'))


@pytest.mark.parametrize('stops', [[0], [1], [17, 18, 39], [5, 5, 30]])
def test_stopped_anywhere_it_goes_on_there(tmp_path: Path, stops):
  for at in stops:
    with pytest.raises(Cut):
      run(Parted(tmp_path), advance=partial(cut, at, []))
  seen = []
  found = run(Parted(tmp_path), advance=partial(cut, TOTAL, seen))
  chex.assert_trees_all_equal(found, WHOLE)
  assert seen[0] == stops[-1]


def test_a_finished_one_is_not_done_again(tmp_path: Path):
  run(Parted(tmp_path))
  seen = []
  found = run(Parted(tmp_path), advance=partial(cut, 0, seen))
  chex.assert_trees_all_equal(found, WHOLE)
  assert seen == []


@pytest.mark.parametrize('other', [{'made_of': {'a': 2}}, {'arrays': (KEY,)}])
def test_what_is_made_of_something_else_begins_anew(tmp_path: Path, other):
  if 'arrays' in other:
    other = {'arrays': jax.random.key_data(KEY)}
  with pytest.raises(Cut):
    run(Parted(tmp_path), advance=partial(cut, 9, []))
  seen = []
  run(Parted(tmp_path), advance=partial(cut, TOTAL, seen), **other)
  assert seen[0] == 0


@pytest.mark.parametrize('damage', ['cut', 'flip', 'empty', 'other'])
def test_a_damaged_part_counts_for_nothing(tmp_path: Path, damage, capsys):
  with pytest.raises(Cut):
    run(Parted(tmp_path), advance=partial(cut, 9, []))
  (path,) = files(tmp_path)
  data = path.read_bytes()
  middle = len(data) // 2
  path.write_bytes(
    {
      'cut': data[:middle],
      'flip': data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
      'empty': b'',
      'other': b'something else',
    }[damage]
  )
  chex.assert_trees_all_equal(run(Parted(tmp_path)), WHOLE)
  assert 'damaged' in capsys.readouterr().out


def test_files_go_with_what_they_are_of(tmp_path: Path):
  parts = Parted(tmp_path / 'parts')
  with pytest.raises(Cut), parted.cleared(parts):
    run(parts, advance=partial(cut, 9, []))
  assert len(files(tmp_path / 'parts')) == 1
  run(parts, made_of={'another': 1})
  with parted.cleared(parts):
    run(parts)
  assert len(files(tmp_path / 'parts')) == 1
  parts.clear()
  assert not (tmp_path / 'parts').exists()


def test_what_is_short_leaves_no_file(tmp_path: Path, monkeypatch):
  monkeypatch.setattr(parted, 'WORTH', 1e3)
  monkeypatch.setattr(parted, 'SAVE_EVERY', 1e3)
  chex.assert_trees_all_equal(run(Parted(tmp_path)), WHOLE)
  assert not files(tmp_path)
