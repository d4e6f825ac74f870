"""Writes a folder of images again, by the labels of a `relabeled.csv`."""

from __future__ import annotations

from collections import Counter
import csv
from pathlib import Path
import shutil
from typing import NamedTuple

from rdd_jax.core.errors import UserError

COLUMNS = ('file', 'given', 'proposed', 'trust')
LEFT_OUT = 'left out'


class Copy(NamedTuple):
  """One file that is written.

  Attributes:
    source: where it is.
    target: where it goes, below the new folder.
    moved: it goes to another class than it was given.
  """

  source: Path
  target: Path
  moved: bool


class Plan(NamedTuple):
  """What would be written.

  Attributes:
    copies: of the files that are trusted or relabeled.
    left_out: how many files are in neither.
    moves: how many files go from one class to another.
  """

  copies: list[Copy]
  left_out: int
  moves: Counter[tuple[str, str]]


def plan(table: Path, folder: Path) -> Plan:
  """Reads what a run says of each file of a folder.

  Args:
    table: `relabeled.csv`, as `task=clean` writes it.
    folder: that was cleaned; names of files are relative to it, or to its
      `train`.

  Raises:
    UserError: for another table, or files that are not there.
  """
  if not folder.is_dir():
    raise UserError(f'--relabel={folder} is not a directory; check the path')
  try:
    with table.open(newline='', encoding='utf-8') as file:
      rows = list(csv.DictReader(file))
  except (OSError, UnicodeDecodeError, csv.Error) as error:
    raise UserError(f'{table} cannot be read ({error})') from error
  if not rows or not set(COLUMNS) <= set(rows[0]):
    raise UserError(
      f'{table} lacks {", ".join(COLUMNS)}; give the relabeled.csv of a run'
    )
  taken: set[Path] = set()
  copies, missing = [], []
  moves: Counter[tuple[str, str]] = Counter()
  for row in rows:
    name, given, new = row['file'], row['given'], row['proposed']
    if Path(new).name != new or new in ('', '.', '..'):
      raise UserError(f'{table}: {new!r} is no name of a directory')
    source = _inside(folder, name)
    if source is None:
      missing.append(name)
    elif row['trust'] != LEFT_OUT:
      target = _free(Path(new) / source.name, taken)
      copies.append(Copy(source, target, given != new))
      moves[given, new] += given != new
  if missing:
    raise UserError(
      f'{len(missing)} of {len(rows)} files of {table} are not in {folder} '
      f'({", ".join(missing[:3])}): give the folder that was cleaned'
    )
  return Plan(copies, len(rows) - len(copies), +moves)


def write(found: Plan, out: Path, *, link: bool = False) -> None:
  """Copies the files of a plan into directories of classes.

  Args:
    found: from `plan`.
    out: a new directory.
    link: makes symbolic links in the place of copies.
  """
  for copy in found.copies:
    target = out / copy.target
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
      target.symlink_to(copy.source.resolve())
    else:
      shutil.copy2(copy.source, target)


def describe(found: Plan, shown: int = 10) -> list[str]:
  """Returns lines that say what a plan would do.

  Args:
    found: from `plan`.
    shown: pairs of classes that are named, at most.

  >>> describe(Plan([], 2, Counter({('cat', 'dog'): 3})))
  ['0 files: 3 go to another class, 2 are left out', '  cat -> dog: 3']
  """
  lines = [
    f'{len(found.copies):,} files: {found.moves.total():,} go to another '
    f'class, {found.left_out:,} are left out'
  ]
  pairs = found.moves.most_common(shown)
  lines += [f'  {given} -> {new}: {n:,}' for (given, new), n in pairs]
  if len(found.moves) > shown:
    lines.append(f'  and {len(found.moves) - shown} pairs more')
  return lines


def _inside(folder: Path, name: str) -> Path | None:
  """The file of that name, where it is in the folder."""
  for root in (folder, folder / 'train'):
    path = root / name
    if '..' not in Path(name).parts and root in path.parents and path.is_file():
      return path
  return None


def _free(target: Path, taken: set[Path]) -> Path:
  """A path that no other file has: two classes may have files of one name."""
  path, count = target, 1
  while path in taken:
    count += 1
    path = target.with_stem(f'{target.stem}_{count}')
  taken.add(path)
  return path
