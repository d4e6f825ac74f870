"""What is known of a data set before it is read: its rows, and their shape."""

from __future__ import annotations

import math
from pathlib import Path
import re
from typing import NamedTuple

from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.data.readers import layout, listing, recognize
from rdd_jax.data.readers.walk import walk
from rdd_jax.images.published import DIGITS, ON_DISK, ROWS, SHAPES

DIGITS_ROWS = 1297, 500


class Known(NamedTuple):
  """Holds the size of a data set.

  Attributes:
    rows: of training.
    tests: rows that networks are tested on.
    shape: `(H, W, C)` of the images as they are kept.
    classes: how many.
    on_disk: bytes of its files, 0 where they are not known.
  """

  rows: int
  tests: int
  shape: tuple[int, int, int]
  classes: int
  on_disk: int

  @property
  def image_bytes(self) -> int:
    """Returns the bytes of all images, as uint8."""
    return (self.rows + self.tests) * math.prod(self.shape)


def known(config: Config) -> Known | None:
  """Returns the size of a configuration's data set, of which nothing is read.

  Published numbers; files of `folder:PATH` are counted, where a directory is a
  class. None where no size is known, as of mock images.

  Args:
    config: of which `data` is read.

  >>> from rdd_jax.config.presets.registry import preset
  >>> known(preset('rded', 'imagenet')()).shape
  (224, 224, 3)
  """
  options = config.data
  scheme, _, name = options.name.partition(':')
  if options.mock:
    return None
  if options.name == 'digits':
    found = Known(*DIGITS_ROWS, *DIGITS, 0)
  elif scheme == 'tfds':
    name = re.sub(r'[:/]\d+\.\d+\.\d+$', '', name)
    if name not in ROWS:
      return None
    found = Known(*ROWS[name], *SHAPES[name], ON_DISK.get(name, 0))
  elif scheme == 'folder' and options.size:
    counted = _count(Path(name).expanduser(), options.name)
    if counted is None:
      return None
    rows, tests, classes, size = counted
    side = options.size
    found = Known(rows, tests, (side, side, 3), classes, size)
  else:
    return None
  height, width, channels = found.shape
  if options.size:
    height = width = options.size
  return found._replace(shape=(height, width, options.channels or channels))


def _count(path: Path, where: str) -> tuple[int, int, int, int] | None:
  """Counts images of train and of test, classes, and bytes of a folder."""
  try:
    if recognize.find(path, where)[1] is not None:
      return None
    found = layout.find(path, where)
    parts = [layout.part_of(found, split) for split in ('train', 'test')]
  except UserError:  # which reading it will raise
    return None
  files = {
    part: [file.path for file in walk(found.parts[part]) if file.kind is None]
    for part in parts
  }
  size = sum(
    Path(path).stat().st_size for part in files.values() for path in part
  )
  train, test = (len(files[part]) for part in parts)
  if parts[0] == parts[1]:  # a fifth is held out
    train, test = train - train // 5, train // 5
  return train, test, len(listing.subdirectories(found.parts[parts[0]])), size
