"""Numbers the labels of a file: words, one-hot, floats, or from 1 on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data.checks import class_numbers
from rdd_jax.data.readers.report import some

_SHOWN = 5
_MANY = 2**20  # no data set has so many classes


class Numbered(NamedTuple):
  """Labels as numbers.

  Attributes:
    labels: i[N] from 0 on, or whatever else was given, for checks to refuse.
    names: of the classes.
    notes: what was not taken as it stands.
  """

  labels: np.ndarray
  names: tuple[str, ...]
  notes: tuple[str, ...]


def numbered(
  given: Mapping[str, np.ndarray],
  chosen: str,
  train: str,
  class_names: np.ndarray | None,
  where: str,
) -> Numbered:
  """Numbers labels alike in all splits, the classes being those of train.

  | labels | number |
  |---|---|
  | one-hot, `[N, K]` | the place of the one |
  | whole floats, truth values | as integers |
  | words | the place in `class_names`, or else among train's, sorted |
  | integers from 1 on | less 1: where train has 1, no split has 0, and there |
  | | are no more `class_names` than the largest |
  | integers with gaps, which no split fills | the place among train's |

  Args:
    given: by key, the labels of the splits that there are.
    chosen: the key whose labels are returned.
    train: the key of train's, if it is there.
    class_names: `str[K]`, or None.
    where: what errors call the file.

  Raises:
    UserError: for several labels a row, or words that no class has.

  >>> numbered({'y': np.array(['dog', 'cat'])}, 'y', 'y', None, 'it').labels
  array([1, 0])
  """
  names = None if class_names is None else tuple(map(str, class_names.ravel()))
  notes = []
  flat = {
    key: _flat(values, f'{where}: {key}') for key, values in given.items()
  }
  labels = flat[chosen]
  if given[chosen].ndim == 2 and given[chosen].shape[1] > 1:
    columns = given[chosen].shape[1]
    notes.append(f'{chosen} are one-hot, of {columns} columns')
    names = names or tuple(map(str, range(columns)))
  elif given[chosen].dtype.kind in 'bf' and labels.dtype.kind == 'i':
    notes.append(f'{chosen} are {given[chosen].dtype}, read as integers')
  reference = flat.get(train, labels)
  if labels.dtype.kind == 'U' and reference.dtype.kind == 'U':
    names = names or in_order(np.unique(reference).tolist())
    notes.append(f'{chosen} are words, numbered {_mapping(names, 0)}')
    labels = _places(labels, names, f'{where}: {chosen}')
  elif train in flat and _from_one(list(flat.values()), reference, names):
    names = names or class_numbers(reference)[1:]
    notes.append(f'{chosen} count from 1, numbered {_mapping(names, 1)}')
    labels = labels - 1
  elif names is None and train in flat and _has_gaps(flat, reference):
    there = np.unique(reference)
    names = tuple(map(str, there.tolist()))
    notes.append(f'{chosen} leave numbers out, numbered {_mapping(names, 0)}')
    labels = np.searchsorted(there, labels)
  elif names is None:
    _refuse_many(reference, where)
    names = class_numbers(reference)
  return Numbered(labels, names, tuple(notes))


def _flat(values: np.ndarray, what: str) -> np.ndarray:
  """One label a row: integers or words where that can be."""
  if values.ndim == 2 and values.shape[1] == 1:
    values = values[:, 0]
  if values.dtype.kind == 'S':
    values = np.char.decode(values, 'utf-8', 'replace')
  if values.ndim == 2 and values.dtype.kind in 'biuf' and values.size:
    if not ((values == 0) | (values == 1)).all() or (values.sum(1) != 1).any():
      raise UserError(
        f'{what} are {values.dtype}{list(values.shape)} and not one-hot: '
        'several labels a row, or shares of them, are not supported; give one '
        'class number a row'
      )
    return values.argmax(1)
  if values.dtype.kind == 'f':
    wide = values.astype(np.float64)
    whole = (np.rint(wide) == wide) & (np.abs(wide) < _MANY)
    return wide.astype(np.int64) if whole.all() else values
  return values.astype(np.int64) if values.dtype == bool else values


def _from_one(
  given: list[np.ndarray], train: np.ndarray, names: Sequence[str] | None
) -> bool:
  """Tells whether class 1 is the first."""
  if not all(values.dtype.kind in 'iu' and values.size for values in given):
    return False
  lowest = min(int(values.min()) for values in given)
  largest = int(train.max())
  known = largest < _MANY if names is None else len(names) == largest
  return lowest == int(train.min()) == 1 and known


def _has_gaps(flat: Mapping[str, np.ndarray], train: np.ndarray) -> bool:
  """Tells whether no split has some number below the largest of train."""
  if not all(v.dtype.kind in 'iu' and v.size for v in flat.values()):
    return False
  there = np.unique(train)
  full = len(there) == there[-1] + 1
  return (
    bool(there[0] >= 0)
    and not full
    and all(np.isin(values, there).all() for values in flat.values())
  )


def _places(words: np.ndarray, names: Sequence[str], what: str) -> np.ndarray:
  unknown = sorted(set(words.ravel().tolist()) - set(names))
  if unknown:
    raise UserError(
      f'{what} have {len(unknown)} words that are no class '
      f'({some(unknown)}); the classes are {some(names)}: rename the words, or '
      'give class_names'
    )
  place = {name: number for number, name in enumerate(names)}
  numbers = [place[word] for word in words.ravel().tolist()]
  return np.array(numbers, np.int64).reshape(words.shape)


def _refuse_many(labels: np.ndarray, where: str) -> None:
  if labels.dtype.kind in 'iu' and labels.size and labels.max() >= _MANY:
    raise UserError(
      f'{where}: the largest label is {labels.max()}; number classes from 0'
    )


def in_order(words: Iterable[str]) -> tuple[str, ...]:
  """Sorts words; decimal numbers as numbers.

  >>> in_order(['10', '2']), in_order(['10', '2', 'a'])
  (('2', '10'), ('10', '2', 'a'))
  """
  names = sorted(words)
  if all(name.isascii() and name.isdecimal() for name in names):
    names.sort(key=int)
  return tuple(names)


def _mapping(names: Sequence[str], first: int) -> str:
  """Says which number the first classes get."""
  shown = [
    f'{repr(name) if not first else first + number} is {number}'
    for number, name in enumerate(names[:_SHOWN])
  ]
  return ', '.join(shown + ['...'] * (len(names) > _SHOWN))
