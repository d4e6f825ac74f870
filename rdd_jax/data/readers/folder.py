"""Reads folders of images: their splits, of which test may be held out."""

from __future__ import annotations

from collections.abc import Sequence
import zlib

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import files, layout, listing
from rdd_jax.data.readers.layout import Layout
from rdd_jax.data.readers.report import Report, some

ALL = 'all'  # of train, with what would be held out
_HELD_OUT = 5  # one row of so many is for test


def read_folder(
  path: str, split: str, size: images.Size, channels: int | None
) -> Split:
  """Reads one split of a folder, as `read_splits` does.

  Args:
    path: of the directory.
    split: 'train', 'test', 'val', or another directory's name.
    size: see `load`.
    channels: see `load`.
  """
  return read_splits(path, (split,), size, channels)[0]


def read_splits(
  path: str, splits: Sequence[str], size: images.Size, channels: int | None
) -> list[Split]:
  """Reads `PATH/SPLIT/CLASS/**`, or `PATH/CLASS/**`, in sorted order.

  Classes are those of train. Without a size or channels, train and test
  decide together, whichever is read. Where there is neither a test nor a val
  directory, a fifth of each class is held out for test, and at least one of
  two rows: the same ones every time, and never in train.

  Args:
    path: of the directory.
    splits: each 'train', 'test', 'val', or another directory's name; of a
      directory, 'Training' is 'train' and 'valid' or 'validation' is 'val'.
      'all' is train with what would be held out of it.
    size: see `load`.
    channels: see `load`.

  Returns:
    The splits, with names of files and with notes.

  Raises:
    UserError: for all faults at once: a class that is not in training, parts
      without images, or with too many that cannot be read.

  >>> import pathlib, tempfile
  >>> from PIL import Image
  >>> with tempfile.TemporaryDirectory() as path:
  ...   for name in ('cat', 'dog'):
  ...     (pathlib.Path(path) / name).mkdir()
  ...     for i in range(5):
  ...       Image.new('L', (8, 8)).save(f'{path}/{name}/{i}.png')
  ...   train, test = read_splits(path, ('train', 'test'), None, None)
  >>> train.images.shape, test.labels, train.names[0]
  ((8, 8, 8, 1), array([0, 1]), np.str_('cat/0.png'))
  """
  found = layout.find(path)
  report = Report(found.where)
  wanted = {
    split: layout.part_of(found, 'train' if split == ALL else split)
    for split in splits
  }
  reference = 'train' if 'train' in found.parts else wanted[splits[0]]
  names = listing.subdirectories(found.parts[reference])
  if not names:
    raise UserError(
      f'{found.where}: {layout.shown(found, reference)} has no directories of '
      'classes; put images in a directory for each class'
    )
  pixels = _read(found, set(wanted.values()), names, size, channels, report)
  if len(splits) > 1:
    _count_rest(found, set(pixels), report)
  files.refuse(report)
  out = []
  for split in splits:
    made = files.as_split(pixels[wanted[split]], names)
    is_test = layout.role(split) == 'test'
    held_out = layout.held_out(found) and split != ALL
    if held_out and wanted[split] == 'train':
      rows = _in_test(made)
      _say_held_out(rows, report)
      made = _some(made, rows == is_test)
    if is_test:
      _say_lacking(made, found, report)
    out.append(made)
  files.refuse(report)
  return [made._replace(notes=report.lines()) for made in out]


def _read(
  found: Layout,
  wanted: set[str],
  names: Sequence[str],
  size: images.Size,
  channels: int | None,
  report: Report,
) -> dict[str, files.Pixels]:
  """Reads the parts that are wanted, and those that decide of their shape."""
  if size is not None and channels is not None:
    deciding = wanted
  else:
    deciding = layout.of_train_and_test(found) or wanted
  listed = {
    part: _list(found, part, names, report)
    for part in found.parts
    if part in deciding | wanted
  }
  pixels = _alike(found, listed, deciding, size, channels, report)
  if not wanted <= deciding:
    files.refuse(report)
    height, width, depth = next(iter(pixels.values())).images.shape[1:]
    more = wanted - deciding
    size, channels = size or (height, width), channels or depth
    pixels |= _alike(found, listed, more, size, channels, report)
  if 'train' in pixels:
    _require_rows(pixels['train'], names, report)
  return pixels


def _list(
  found: Layout, part: str, names: Sequence[str], report: Report
) -> list[listing.File]:
  """Lists a part; a class that is not among the names is a fault."""
  root = found.parts[part]
  unknown = [n for n in listing.subdirectories(root) if n not in names]
  if unknown:
    first = f'a class {unknown[0]!r}'
    several = f'{len(unknown)} classes ({some(unknown)})'
    report.faults.append(
      f'{layout.shown(found, part)} has '
      f'{first if len(unknown) == 1 else several} that '
      f'{layout.shown(found, "train")} lacks; rename or remove them'
    )
  return listing.list_classes(root, names, found.root, report)


def _alike(
  found: Layout,
  listed: dict[str, list[listing.File]],
  parts: set[str],
  size: images.Size,
  channels: int | None,
  report: Report,
) -> dict[str, files.Pixels]:
  names = {part: layout.shown(found, part) for part in listed if part in parts}
  chosen = {name: listed[part] for part, name in names.items()}
  read = files.read_parts(chosen, size, channels, report)
  return {part: read[name] for part, name in names.items()}


def _require_rows(
  pixels: files.Pixels, names: Sequence[str], report: Report
) -> None:
  there = {file.label for file in pixels.files}
  empty = [name for label, name in enumerate(names) if label not in there]
  if empty and there:
    report.faults.append(
      f'{len(empty)} of {len(names)} classes have no training row '
      f'({some(empty)}); put images in their directories or remove these'
    )


def _count_rest(found: Layout, read: set[str], report: Report) -> None:
  """Counts what is in no split that is read."""
  for part, root in found.parts.items():
    if part not in read:
      kind = f'in {root.name}/, not read beside a test split'
      listing.count_unread(root, found.root, report, kind)
  for path in found.others:
    listing.count_unread(path, found.root, report, 'in no split')


def _in_test(split: Split) -> np.ndarray:
  """Marks the rows that are held out, b[N]: of each class by its name."""
  out = np.zeros(len(split.labels), bool)
  for label, name in enumerate(split.class_names):
    rows = np.flatnonzero(split.labels == label)
    count = max(round(len(rows) / _HELD_OUT), 1) if len(rows) > 1 else 0
    rng = np.random.default_rng(zlib.crc32(name.encode(errors='replace')))
    out[rng.permutation(rows)[:count]] = True
  return out


def _say_held_out(rows: np.ndarray, report: Report) -> None:
  note = (
    f'there is no test split; a fifth of each class, {rows.sum()} of '
    f'{len(rows)} images, is held out for it, the same ones every time'
  )
  if note not in report.notes:
    report.notes.append(note)


def _some(split: Split, rows: np.ndarray) -> Split:
  assert split.names is not None
  return split._replace(
    images=split.images[rows],
    labels=split.labels[rows],
    names=split.names[rows],
  )


def _say_lacking(test: Split, found: Layout, report: Report) -> None:
  there = set(test.labels.tolist())
  lacking = [n for c, n in enumerate(test.class_names) if c not in there]
  if not there:
    report.faults.append(
      'no class has two images, of which one could be held out for test; add '
      f'{found.base / "test"}/CLASS/'
    )
  elif lacking:
    report.notes.append(
      f'{len(lacking)} of {len(test.class_names)} classes have no test image '
      f'({some(lacking)})'
    )
