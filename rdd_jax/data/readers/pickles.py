"""Reads CIFAR's pickles for Python, by an unpickler that runs nothing."""

from __future__ import annotations

from pathlib import Path
import pickle
from typing import Any

import numpy as np

from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data import images
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import columns, layout, splits
from rdd_jax.data.readers.request import Request

_SHAPE = (3, 32, 32)
_BATCHES = tuple(f'data_batch_{i}' for i in range(1, 6))
# From a file that tells them apart to the batches, labels and names of each.
_KINDS = {
  'batches.meta': (
    {'train': _BATCHES, 'test': ('test_batch',)},
    'labels',
    'label_names',
    "CIFAR-10's pickles",
  ),
  'meta': (
    {'train': ('train',), 'test': ('test',)},
    'fine_labels',
    'fine_label_names',
    "CIFAR-100's pickles, by their fine labels",
  ),
}


def is_pickles(path: Path) -> bool:
  """Tells whether these are the pickles of CIFAR-10 or CIFAR-100."""
  return any(
    (path / meta).is_file()
    and all((path / batches[0]).is_file() for batches in parts.values())
    for meta, (parts, *_) in _KINDS.items()
  )


def read_pickles(path: Path, request: Request) -> list[Split]:
  """Reads `cifar-10-batches-py` or `cifar-100-python`.

  Args:
    path: of the directory.
    request: of 'train', or 'all', and 'test'.

  Returns:
    The splits; rows are named by the files that the pickles name.

  Raises:
    UserError: for a damaged pickle, or one that holds other things than
      arrays, lists, dictionaries, bytes, words and numbers.
  """
  where = request.name
  kind = next(meta for meta in _KINDS if (path / meta).is_file())
  parts, labels, titles, said = _KINDS[kind]
  meta = _load(path / kind, where)
  classes = tuple(map(columns.word, _values(meta, titles, f'{where}: {kind}')))
  out = []
  for name in request.splits:
    split = 'train' if name == splits.ALL else layout.role(name) or name
    if split not in parts:
      raise UserError(f'{where} has no split {name!r}; it has train and test')
    made = [_batch(path / b, labels, where) for b in parts[split]]
    pixels, numbers, files = (list(part) for part in zip(*made, strict=True))
    out.append(
      Split(
        images.convert(np.concatenate(pixels), request.size, request.channels),
        np.concatenate(numbers),
        classes,
        names=np.concatenate(files),
        notes=(f'{where}: {said}',),
      )
    )
  return out


def _batch(
  file: Path, labels: str, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  what = f'{where}: {file.name}'
  found = _load(file, where)
  data = found.get('data')
  pixels = data.array() if isinstance(data, _Array) else None
  if (
    pixels is None
    or pixels.dtype != np.uint8
    or pixels.ndim != 2
    or pixels.shape[1] != np.prod(_SHAPE)
  ):
    raise UserError(f'{what} has no data of uint8[N, 3072]; download it again')
  numbers = _values(found, labels, what)
  files = _values(found, 'filenames', what)
  if not len(pixels) == len(numbers) == len(files) or not all(
    isinstance(number, int) and abs(number) < 2**31 for number in numbers
  ):
    raise UserError(
      f'{what} has {len(pixels)} rows of data, {len(numbers)} labels and '
      f'{len(files)} filenames; download it again'
    )
  return (
    pixels.reshape(-1, *_SHAPE).transpose(0, 2, 3, 1),
    np.array(numbers, np.int64),
    np.array([columns.word(name) for name in files], np.str_),
  )


def _values(found: dict[str, Any], key: str, what: str) -> list[Any]:
  values = found.get(key)
  if isinstance(values, _Array):
    values = values.array().tolist()
  if not isinstance(values, list):
    raise UserError(f'{what} has no list of {key}; download it again')
  return values


def _load(file: Path, where: str) -> dict[str, Any]:
  try:
    with file.open('rb') as opened:
      found = _Unpickler(opened, encoding='bytes').load()
    return {columns.word(key): value for key, value in found.items()}
  # What a damaged pickle raises depends on the damage.
  except Exception as error:
    raise UserError(
      f'{where}: {file.name} is no pickle of arrays, lists and words '
      f'({one_line(error)[:160]}); download it again'
    ) from error


class _Dtype:
  """What a pickle says of a dtype."""

  def __init__(self, code: Any = '', *_: Any) -> None:
    self.code = columns.word(code)

  def __setstate__(self, state: Any) -> None:
    order = columns.word(state[1])
    self.code = (order if order in ('<', '>') else '') + self.code


class _Array:
  """What a pickle says of an array, which is made of it by `array`."""

  def __init__(self, *_: Any) -> None:
    self.state: Any = None

  def __setstate__(self, state: Any) -> None:
    self.state = state

  def array(self) -> np.ndarray:
    """Returns the array, of numbers.

    Raises:
      UserError: for other states.
    """
    try:
      _, shape, dtype, fortran, raw = self.state
      kind = np.dtype(dtype.code)
      if kind.kind not in 'biuf':
        raise TypeError(f'an array of {kind}')
      values = np.frombuffer(raw, kind)
      return values.reshape(shape, order='F' if fortran else 'C')
    except (TypeError, ValueError, AttributeError) as error:
      raise UserError(
        f'a pickled array is damaged ({one_line(error)[:160]})'
      ) from error


def _reconstruct(*_: Any) -> _Array:
  return _Array()


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
  found = _Array()
  found.__setstate__((1, shape, dtype, order == 'F', raw))
  return found


def _encode(text: str, encoding: str) -> bytes:
  """Bytes, as Python 3 writes them by an old protocol."""
  if encoding != 'latin1':
    raise pickle.UnpicklingError(f'it asks for the encoding {encoding}')
  return text.encode('latin1')


class _Unpickler(pickle.Unpickler):
  """Admits arrays, as numbers that are not yet one, and no other class."""

  def find_class(self, module: str, name: str) -> Any:
    known = {
      ('numpy', 'ndarray'): _Array,
      ('numpy', 'dtype'): _Dtype,
      ('numpy.core.multiarray', '_reconstruct'): _reconstruct,
      ('numpy._core.multiarray', '_reconstruct'): _reconstruct,
      ('numpy.core.numeric', '_frombuffer'): _frombuffer,
      ('numpy._core.numeric', '_frombuffer'): _frombuffer,
      ('_codecs', 'encode'): _encode,
    }
    if (module, name) not in known:
      raise pickle.UnpicklingError(f'it asks for {module}.{name}')
    return known[module, name]
