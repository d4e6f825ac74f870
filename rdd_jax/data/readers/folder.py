"""Reads folders of images: their splits, of which test may be held out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import layout, listing, splits
from rdd_jax.data.readers.layout import Layout
from rdd_jax.data.readers.report import Report, some
from rdd_jax.data.readers.request import Request


def read_splits(path: Path, request: Request) -> list[Split]:
  """Reads `PATH/SPLIT/CLASS/**`, or `PATH/CLASS/**`, in sorted order.

  Classes are those of train. Without a size or channels, train and test
  decide together, whichever is read. Where there is neither a test nor a val
  directory, a fifth of each class is held out for test, and at least one of
  two rows: the same ones every time, and never in train.

  Args:
    path: of the directory.
    request: of splits, each 'train', 'test', 'val', or another directory's
      name; of a directory, 'Training' is 'train' and 'valid' or 'validation' is
      'val'. 'all' is train with what would be held out of it.

  Returns:
    The splits, with names of files and with notes.

  Raises:
    UserError: for all faults at once: a class that is not in training, parts
      without images, or with too many that cannot be read.

  >>> import tempfile
  >>> from PIL import Image
  >>> with tempfile.TemporaryDirectory() as path:
  ...   for name in ('cat', 'dog'):
  ...     (Path(path) / name).mkdir()
  ...     for i in range(5):
  ...       Image.new('L', (8, 8)).save(f'{path}/{name}/{i}.png')
  ...   request = Request('it', ('train', 'test'))
  ...   train, test = read_splits(Path(path), request)
  >>> train.images.shape, test.labels, train.names[0]
  ((8, 8, 8, 1), array([0, 1]), np.str_('cat/0.png'))
  """
  found = layout.find(path, request.name)
  report = Report(found.where)
  wanted = {
    split: layout.part_of(found, 'train' if split == splits.ALL else split)
    for split in (layout.role(name) or name for name in request.splits)
  }
  reference = 'train' if 'train' in found.parts else next(iter(wanted.values()))
  classes = listing.subdirectories(found.parts[reference])
  if not classes:
    raise UserError(
      f'{found.where}: {layout.shown(found, reference)} has no directories of '
      'classes; put images in a directory for each class'
    )
  source = splits.Source(
    report,
    classes,
    {part: layout.shown(found, part) for part in found.parts},
    partial(_list, found, classes, report),
    partial(layout.count_rest, found, report),
  )
  return splits.read(source, wanted, request)


def _list(
  found: Layout, classes: Sequence[str], report: Report, part: str
) -> list[listing.File]:
  """Lists a part; a class that is not among the classes is a fault."""
  root = found.parts[part]
  unknown = [n for n in listing.subdirectories(root) if n not in classes]
  if unknown:
    first = f'a class {unknown[0]!r}'
    several = f'{len(unknown)} classes ({some(unknown)})'
    report.faults.append(
      f'{layout.shown(found, part)} has '
      f'{first if len(unknown) == 1 else several} that '
      f'{layout.shown(found, "train")} lacks; rename or remove them'
    )
  return listing.list_classes(root, classes, found.root, report)
