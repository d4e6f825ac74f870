"""Several files of one set: which they are, in which order, and their sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import glob
from pathlib import Path
import re

import numpy as np

from rdd_jax.artifact.third_party.readers import Raw
from rdd_jax.core.errors import UserError


def expand(paths: Sequence[str | Path]) -> tuple[Path, ...]:
  """Returns the files that are named, or match, in numeric order.

  A name that is there stands for itself; another with `*`, `?` or `[` for all
  that match it.

  Raises:
    UserError: for a pattern that nothing matches.

  >>> [str(p) for p in expand(['a_10.pt', 'a_9.pt'])]
  ['a_9.pt', 'a_10.pt']
  """
  found: list[Path] = []
  for path in map(Path, paths):
    if path.exists() or not glob.has_magic(str(path)):
      found.append(path)
      continue
    matches = [Path(match) for match in glob.glob(str(path))]
    if not matches:
      raise UserError(f'nothing matches {path}; give a distilled set')
    found += matches
  return tuple(sorted(found, key=numeric))


def numeric(name: str | Path) -> list[tuple[int, int | str]]:
  """Returns what sorts names by the numbers in them.

  >>> sorted(['x10', 'x9', 'y1'], key=numeric)
  ['x9', 'x10', 'y1']
  """
  parts = re.split(r'(\d+)', str(name))
  return [(0, int(p)) if p.isdecimal() else (1, p) for p in parts]


def read_all(
  paths: Sequence[Path], read: Callable[[Path], Raw]
) -> tuple[Raw, tuple[str, ...]]:
  """Reads one file, or the shards of a set, joined in the order given.

  Args:
    paths: at least one.
    read: reads a file.

  Returns:
    What they hold together, and a note where they are several.

  Raises:
    UserError: if shards hold arrays of other names or shapes, or are
      directories.

  >>> raw, notes = read_all(
  ...   [Path('a_0'), Path('a_1')], lambda path: Raw({'x': np.ones(2)})
  ... )
  >>> raw.arrays['x'].shape, notes
  ((4,), ('2 files joined: a_0, a_1',))
  """
  if len(paths) == 1:
    return read(paths[0]), ()
  folder = next((path for path in paths if path.is_dir()), None)
  if folder:
    raise UserError(
      f'{folder} is a directory, of which several are no one set; give one, or '
      'files'
    )
  raws = [read(path) for path in paths]
  first = raws[0].arrays
  for path, raw in zip(paths, raws, strict=True):
    strange = [
      name
      for name in first.keys() | raw.arrays
      if name not in raw.arrays
      or name not in first
      or raw.arrays[name].shape[1:] != first[name].shape[1:]
      or raw.arrays[name].ndim != first[name].ndim
    ]
    if strange:
      raise UserError(
        f'{path} and {paths[0]} are no shards of one set ({min(strange)!r} is '
        'not alike in both); give each on its own'
      )
  if len({raw.class_names for raw in raws}) > 1:
    raise UserError(
      f'{paths[0]} and the other {len(paths) - 1} files name other classes, or '
      'in another order; give each on its own'
    )
  joined = {
    name: np.concatenate([raw.arrays[name] for raw in raws])
    if array.ndim
    else array
    for name, array in first.items()
  }
  order = ', '.join(path.name for path in paths[:4])
  more = ', ...' if len(paths) > 4 else ''
  names = raws[0].class_names
  return Raw(joined, names), (f'{len(paths)} files joined: {order}{more}',)
