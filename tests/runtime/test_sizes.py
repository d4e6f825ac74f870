"""A header that claims more than there is takes no memory."""

from __future__ import annotations

import io
from pathlib import Path
import tracemalloc
import zipfile

import numpy as np
import pytest

from rdd_jax.artifact import store, third_party
from rdd_jax.core.errors import UserError
from rdd_jax.data.readers import arrays
from rdd_jax.runtime import sizes

TERABYTES = (2**20, 2**20)


def header(shape: tuple[int, ...], kind: str = '<f4') -> bytes:
  """The header of an npy, and none of its numbers."""
  file = io.BytesIO()
  described = {'descr': kind, 'fortran_order': False, 'shape': shape}
  np.lib.format.write_array_header_1_0(file, described)
  return file.getvalue()


def archive(path: Path, entries: dict[str, bytes], **options) -> Path:
  with zipfile.ZipFile(path, 'w', **options) as made:
    for name, data in entries.items():
      made.writestr(f'{name}.npy', data)
  return path


READERS = {
  'unpack': lambda path: store.unpack(path.read_bytes(), path),
  'third_party': third_party.read,
  'keys': lambda path: arrays.read_arrays(path, 'npz:it', {'images'}),
}


@pytest.mark.parametrize('read', READERS.values(), ids=READERS)
@pytest.mark.parametrize('shape', [TERABYTES, (-1, 2), (2**80,), (9,)])
def test_an_entry_that_claims_more_than_it_holds(tmp_path, read, shape):
  path = archive(tmp_path / 'a.npz', {'images': header(shape) + b'\0' * 32})
  tracemalloc.start()
  try:
    with pytest.raises(UserError, match=r'a header says float32\[') as error:
      read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
  finally:
    tracemalloc.stop()
  assert '\n' not in str(error.value)


def test_an_npy_that_claims_more_than_it_holds(tmp_path):
  path = tmp_path / 'a.npy'
  path.write_bytes(header(TERABYTES) + b'\0' * 32)
  with pytest.raises(UserError, match=r'4.0 TiB, and 32 bytes are there'):
    third_party.read(path)
  with pytest.raises(UserError, match='no npy of a plain array'):
    arrays.read_npy(path, 'npy:it')


@pytest.mark.parametrize('read', READERS.values(), ids=READERS)
def test_an_archive_that_unfolds(tmp_path, read, monkeypatch):
  """What fits is read; what does not is refused by the sum of its entries."""
  data = header((2**20,), '|u1') + b'\0' * 2**20
  path = archive(
    tmp_path / 'a.npz',
    {'images': data},
    compression=zipfile.ZIP_DEFLATED,
  )
  assert path.stat().st_size < 2**12
  read(path)
  monkeypatch.setattr('psutil.virtual_memory', lambda: Memory(2**19))
  with pytest.raises(UserError, match=r'1.0 MiB of memory, of which 512.0 KiB'):
    read(path)


class Memory:
  def __init__(self, available: int):
    self.available = available


@pytest.mark.parametrize('read', READERS.values(), ids=READERS)
def test_an_entry_that_cannot_unfold_so(tmp_path, read):
  """A directory of the archive that claims 3 GiB of an entry of some bytes."""
  data = header((3, 2**30), '|u1')
  path = archive(tmp_path / 'a.npz', {'images': data})
  raw, claimed = (
    path.read_bytes(),
    (3 * 2**30 + len(data)).to_bytes(4, 'little'),
  )
  held = len(data).to_bytes(4, 'little')
  place = raw.rindex(held)  # of the uncompressed size, in the directory
  path.write_bytes(raw[:place] + claimed + raw[place + 4 :])
  with pytest.raises(
    UserError, match=r'cannot unfold from 128 bytes to 3.0 GiB'
  ):
    read(path)


def test_what_others_fold_with_is_refused(tmp_path):
  path = archive(
    tmp_path / 'a.npz',
    {'images': header((1,)) + b'\0' * 4},
    compression=zipfile.ZIP_LZMA,
  )
  with pytest.raises(UserError, match='cannot unfold'):
    third_party.read(path)


def test_only_what_is_asked_for_counts(tmp_path):
  path = archive(
    tmp_path / 'a.npz',
    {'x': header((1,)) + b'\0' * 4, 'huge': header(TERABYTES)},
  )
  with path.open('rb') as file:
    sizes.require_arrays(file, 'it', ['x'])
    with pytest.raises(ValueError, match=r'4.0 TiB'):
      sizes.require_arrays(file, 'it')


def test_objects_are_refused_as_before(tmp_path):
  np.savez(tmp_path / 'a.npz', images=np.array([{}], object))
  for read in READERS.values():
    with pytest.raises(UserError, match='Object arrays cannot be loaded'):
      read(tmp_path / 'a.npz')


def test_every_kind_of_plain_array_passes(tmp_path):
  given = {
    'scalar': np.float32(1),
    'none': np.zeros((0, 3)),
    'words': np.array(['a', 'bc']),
    'fortran': np.asfortranarray(np.arange(6).reshape(2, 3)),
  }
  for save in (np.savez, np.savez_compressed):
    save(tmp_path / 'a.npz', **given)
    found = store.unpack((tmp_path / 'a.npz').read_bytes(), Path('a.npz'))
    for name, array in given.items():
      np.testing.assert_array_equal(found[name], array)
