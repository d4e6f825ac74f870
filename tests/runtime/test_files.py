"""Laws of files that the user names."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.runtime.files import (
  UNREAD,
  advice,
  require_place,
  write_atomically,
  write_out,
)


@pytest.mark.parametrize('name', ['a.json', 'new/inner/a.json'])
def test_what_may_be_written_is_and_nothing_before(tmp_path: Path, name: str):
  require_place(tmp_path / name, 'out')
  assert not any(tmp_path.iterdir())
  write_out(tmp_path / name, '{}')
  assert (tmp_path / name).read_text() == '{}'
  require_place(tmp_path / name, 'out')  # to be replaced


def test_a_relative_path_is_from_here(tmp_path: Path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  require_place(Path('new/a.json'), 'out')
  write_out(Path('new/a.json'), '{}')
  assert (tmp_path / 'new' / 'a.json').exists()


def test_what_is_in_the_way_is_named(tmp_path: Path):
  (tmp_path / 'file').write_text('')
  for place, directory, words in (
    (tmp_path, False, 'is a directory'),
    (tmp_path / 'file' / 'a.json', False, 'file is no directory'),
    (tmp_path / 'file', True, 'file is no directory'),
  ):
    with pytest.raises(UserError, match=words):
      require_place(place, 'out', directory=directory)
  require_place(tmp_path, 'report', directory=True)


def test_a_place_that_is_closed_is_named(tmp_path: Path, monkeypatch):
  monkeypatch.setattr(os, 'access', lambda *_: False)
  with pytest.raises(UserError, match='cannot be written to'):
    require_place(tmp_path / 'new' / 'a.json', 'out')


def test_a_file_that_cannot_be_written_is_named_as_it_is(tmp_path: Path):
  for failing in ('write_bytes', 'replace'):
    with pytest.MonkeyPatch.context() as patch:
      where = Path if failing == 'write_bytes' else os
      patch.setattr(where, failing, refuse)
      with pytest.raises(PermissionError) as caught:
        write_atomically(tmp_path / 'a.json', b'1')
    assert str(caught.value).endswith(f"'{tmp_path}/a.json'")
    assert advice(caught.value) == 'allow writing there'
    assert not [*tmp_path.iterdir()]


def refuse(*given: object) -> None:
  raise PermissionError(errno.EACCES, 'no', '/elsewhere', None, '/other')


@pytest.mark.parametrize('hidden', ['one', 'one/two'])
def test_what_is_hidden_is_to_be_shown(tmp_path: Path, monkeypatch, hidden):
  (tmp_path / 'one').mkdir()
  (tmp_path / 'one' / 'two').touch()
  closed = tmp_path / hidden
  monkeypatch.setattr(os, 'access', lambda path, _: path != closed)
  error = PermissionError(errno.EACCES, 'no', str(tmp_path / 'one' / 'two'))
  if hidden == 'one':  # nothing in it can be seen
    exists = os.path.exists
    monkeypatch.setattr(
      os.path,
      'exists',
      lambda path: closed not in path.parents and exists(path),
    )
  assert advice(error) == UNREAD
  monkeypatch.setattr(os, 'access', lambda *_: True)
  assert advice(error) == 'allow writing there'
