"""Finds the splits and classes of a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.data.readers import listing, splits
from rdd_jax.data.readers.foreign import refuse_foreign
from rdd_jax.data.readers.report import Report

# By what a directory may be called, in small letters.
_ROLES = {
  'train': 'train',
  'training': 'train',
  'test': 'test',
  'testing': 'test',
  'val': 'val',
  'valid': 'val',
  'validation': 'val',
}


class Layout(NamedTuple):
  """Where the splits of a folder are.

  Attributes:
    root: the directory that was given; files are named from here.
    parts: the directory of 'train', 'test', 'val', as far as there are any.
    base: what these are in; `root`, or the only directory in it.
    others: what else is there.
    where: what messages call it.
  """

  root: Path
  parts: dict[str, Path]
  base: Path
  others: list[Path]
  where: str


def find(root: Path, where: str) -> Layout:
  """Finds the splits: `DIR/{train,val,test}/CLASS`, or `DIR/CLASS` for train.

  Directories called by splits are classes where others stand beside them and
  none has directories itself.

  Args:
    root: the directory.
    where: what messages call it.

  Raises:
    UserError: for a missing directory, two of one split, or another format.

  >>> import tempfile
  >>> with tempfile.TemporaryDirectory() as path:
  ...   (Path(path) / 'Training' / 'cat').mkdir(parents=True)
  ...   found = find(Path(path), 'it')
  >>> list(found.parts), shown(found, 'train')
  (['train'], 'Training/')
  >>> part_of(found, 'test')
  'train'
  """
  listing.directory(root, where)
  refuse_foreign(root, where)
  base, names = root, listing.subdirectories(root)
  if len(names) == 1 and role(names[0]) is None:
    inner = listing.subdirectories(root / names[0])
    if inner and all(map(role, inner)):  # as some archives unpack
      base, names = root / names[0], inner
  parts: dict[str, Path] = {}
  for name in filter(role, names):
    before = parts.setdefault(str(role(name)), base / name)
    if before.name != name:
      raise UserError(
        f'{where} has both {before.name}/ and {name}/; keep one of them'
      )
  flat = not any(listing.subdirectories(part) for part in parts.values())
  if not parts or (flat and len(parts) < len(names)):
    return Layout(root, {'train': base}, base, [], where)
  used = {part.name for part in parts.values()}
  others = [entry for entry in sorted(base.iterdir()) if entry.name not in used]
  if base != root:
    others += [entry for entry in sorted(root.iterdir()) if entry != base]
  return Layout(root, parts, base, others, where)


def role(name: str) -> str | None:
  """Returns the split that a directory is called by, if any.

  >>> role('Training'), role('valid'), role('cat')
  ('train', 'val', None)
  """
  return _ROLES.get(name.casefold())


def part_of(layout: Layout, split: str) -> str:
  """Returns the part that a split is read from, adding it if need be.

  That of test is 'test', or else 'val', or else 'train', of which some is held
  out.

  Args:
    layout: of the folder.
    split: as in `load_split`; in any other case, a directory of that name.

  Raises:
    UserError: if there is none.
  """
  base, part = layout.base, splits.part_of(layout.parts, role(split) or split)
  if part is not None:
    return part
  if base / split in layout.others and (base / split).is_dir():
    return layout.parts.setdefault(split, base / split).name
  there = ', '.join(p.name + '/' for p in layout.parts.values() if p != base)
  raise UserError(
    f'{layout.where} has no {split}/ (it has {there or "classes, no splits"}); '
    f'put images in {base / split}/CLASS/'
  )


def count_rest(layout: Layout, report: Report, read: set[str]) -> None:
  """Counts what is in no split that is read.

  Args:
    layout: of the folder.
    report: counts it.
    read: the parts that are read.
  """
  for part, root in layout.parts.items():
    if part not in read:
      kind = f'in {root.name}/, not read beside a test split'
      listing.count_unread(root, layout.root, report, kind)
  for path in layout.others:
    listing.count_unread(path, layout.root, report, 'in no split')


def shown(layout: Layout, part: str) -> str:
  """Returns what messages call a part: its directory in the root.

  Args:
    layout: of the folder.
    part: one that is there.
  """
  root = layout.parts[part]
  inner = root.relative_to(layout.root).as_posix()
  return f'{root.name if root == layout.root else inner}/'
