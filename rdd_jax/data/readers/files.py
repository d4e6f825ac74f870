"""Reads the image files of a folder in one pass that finds all problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import listing
from rdd_jax.data.readers.listing import File
from rdd_jax.data.readers.report import Report
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.scan import Scan
from rdd_jax.data.readers.walk import SUFFIXES
from rdd_jax.runtime import pixels
from rdd_jax.runtime.logging import say
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.rows import Form
from rdd_jax.runtime.sizes import require_memory

MOST_SIDE = 64  # to which images of several sizes are resized
_PUT = f'put {", ".join(SUFFIXES)} files there'


class Pixels(NamedTuple):
  """The images of one part of a folder.

  Attributes:
    images: u8[n, H, W, C], or a stream of them.
    files: the n files that could be read.
  """

  images: Any
  files: list[File]


def read_classes(root: Path, channels: int | None = None) -> Split:
  """Reads `ROOT/CLASS/**` in sorted order; prints what it left out.

  Args:
    root: a directory with one for each class.
    channels: see `load`.

  Raises:
    UserError: if there is no image, or too many cannot be read.
  """
  names = listing.subdirectories(root)
  request = Request(str(root), channels=channels)
  report = Report(request.name)
  files = listing.list_classes(root, names, root, report)
  (found,) = read_parts({'it': files}, request, report).values()
  refuse(report)
  for line in report.lines():
    say(line)
  return as_split(found, names)


def as_split(found: Pixels, names: Sequence[str]) -> Split:
  """Makes a split of the images of a part.

  Args:
    found: the images.
    names: of all classes.

  >>> pixels = np.zeros((1, 4, 4, 3), np.uint8)
  >>> as_split(Pixels(pixels, [File(Path('b/x'), 'b/x', 1)]), 'ab').labels
  array([1])
  """
  groups = [file.group for file in found.files if file.group is not None]
  return Split(
    found.images,
    np.array([file.label for file in found.files], np.int64),
    tuple(names),
    np.array(groups, np.int64) if groups else None,
    names=np.array([file.name for file in found.files], np.str_),
  )


def refuse(report: Report) -> None:
  """Raises a UserError of all faults of a report, if there are any.

  >>> report = Report('folder:x')
  >>> report.faults += ['too dark', 'too bright']
  >>> refuse(report)
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: folder:x: too dark; too bright
  """
  if report.faults:
    raise UserError(f'{report.where}: {"; ".join(report.faults)}')


def read_parts(
  parts: Mapping[str, Sequence[File]], request: Request, report: Report
) -> dict[str, Pixels]:
  """Reads all images of some parts, such as train and test, alike.

  Without a size, images that have one keep it, and others become squares: the
  side is the median of all heights and widths, at most 64. Without channels,
  gray images are read as color if any image has color. Files that cannot be
  read are left out while they are at most 5 % of a part, beyond that a fault.

  Args:
    parts: from what messages call a part to its files.
    request: says how images are read.
    report: takes what is found.

  Returns:
    The images of each part, all of one H, W and C.
  """
  target, channels = images.height_width(request.size), request.channels
  images.check_channels(channels)
  look = _Pass if request.pool is None else partial(Scan, pool=request.pool)
  read = look(parts, (target, channels), 'reading')
  depths = [shape[2] for shape in read.shapes]
  if read.mixed:
    middle = np.median([side for shape in read.shapes for side in shape[:2]])
    side = min(int(middle), MOST_SIDE)
    report.notes.append(
      f'{len(depths)} images of {len({s[:2] for s in read.shapes})} sizes are '
      f'resized to {side}x{side}, the smaller of the median side and '
      f'{MOST_SIDE}; set size= (--config.data.size=) for another'
    )
    target = side, side
    del read  # what was kept before sizes differed
    read = look(parts, (target, channels), 'resizing')
  depth = channels or max(depths, default=3)
  if channels is None and len(set(depths)) > 1:
    report.notes.append(
      f'{depths.count(1)} gray images are read as color, like the other '
      f'{depths.count(3)}; set channels=1 (--config.data.channels=1) for gray'
    )
    if isinstance(read, Scan):
      read = look(parts, (target, depth), 'coloring')
  for name, files in parts.items():
    report.lose(name, len(files), read.lost[name], _PUT)
  for kind, names in read.changed.items():
    report.changed[kind] += names
  return {
    name: Pixels(*read.images(name, depth, f'{report.where}: {name}'))
    for name in parts
  }


class _Pass:
  """Decodes every file once; keeps pixels while they have one size."""

  def __init__(
    self, parts: Mapping[str, Sequence[File]], form: Form, label: str
  ) -> None:
    self.shapes: list[tuple[int, ...]] = []
    self.mixed = False
    self.changed: dict[str, list[str]] = {}
    self.lost: dict[str, dict[str, list[str]]] = {name: {} for name in parts}
    total = sum(map(len, parts.values()))
    with Progress(total, label, unit='file', brief=True) as progress:
      self._progress = progress
      self._found = {
        name: self._part(name, files, form) for name, files in parts.items()
      }

  def images(
    self, part: str, depth: int, where: str
  ) -> tuple[np.ndarray, list[File]]:
    """Returns the images of a part, and the files that could be read."""
    del where
    pixels, files = self._found[part]
    return _deepened(pixels, depth), files

  def _part(self, part: str, files: Sequence[File], form: Form) -> Pixels:
    out: np.ndarray = np.empty((0, 0, 0, 0), np.uint8)
    kept: list[File] = []
    rows = pixels.read([file.path for file in files], *form)
    for file, (row, found) in zip(files, rows, strict=True):
      self._progress.advance()
      noted = self.lost[part] if row is None else self.changed
      for kind in found:
        noted.setdefault(kind, []).append(file.name)
      if row is None:
        continue
      kept.append(file)
      self.shapes.append(row.shape)
      self.mixed |= row.shape[:2] != self.shapes[0][:2]
      if self.mixed:
        continue
      if len(kept) == 1:
        require_memory(
          len(files) * row.nbytes, f'{len(files)} images like {file.name}'
        )
        out = np.empty((len(files), *row.shape), np.uint8)
      if row.shape[2] > out.shape[3]:
        out = _deepened(out, row.shape[2])
      out[len(kept) - 1] = row
    return Pixels(out[: len(kept)], kept)


def _deepened(pixels: np.ndarray, depth: int) -> np.ndarray:
  if pixels.shape[-1] == depth or not len(pixels):
    return pixels
  return np.repeat(pixels, depth, axis=-1)
