"""Reads the images of prepared TFDS splits, or finds them on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import files
from rdd_jax.data.readers.report import Report
from rdd_jax.data.readers.streaming import look_at, stream
from rdd_jax.data.readers.tfds_records import (
  AGAIN,
  CHUNK,
  each,
  files_of,
  get,
  parsed,
)
from rdd_jax.runtime.decode import Undecodable
from rdd_jax.runtime.pixels import read_one
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.rows import Form
from rdd_jax.runtime.sizes import require_memory
from rdd_jax.runtime.sources import Records
from rdd_jax.runtime.workers import Workers


class Found(NamedTuple):
  """Images that could be read, and what their records say of them.

  Attributes:
    images: `u8[N, H, W, C]`, or a stream of them.
    values: `i64[k, N]`, labels, and groups where k is 2.
    notes: see `Split`.
  """

  images: Any
  values: np.ndarray
  notes: tuple[str, ...]

  def split(self, names: tuple[str, ...]) -> Split:
    """Returns the split that this is, of classes by name."""
    groups = self.values[1] if len(self.values) > 1 else None
    return Split(self.images, self.values[0], names, groups, notes=self.notes)


def read(
  source: Any,
  name: str,
  image_key: str,
  keys: Sequence[tuple[str, ...]],
  form: Form,
  pool: Workers | None,
) -> Found:
  """Reads the images of a split, or finds them and looks at each.

  Records that are damaged, and images that cannot be decoded, are left out
  while they are few.

  Args:
    source: of TFDS, with images left encoded.
    name: of the split, for messages.
    image_key: of the image in a record,
    keys: and what leads to each of k values.
    form: the size and the channels of images.
    pool: of the processes that read a stream; None reads the images now.

  Raises:
    UserError: if images have several sizes, or too many cannot be read.
  """
  report = Report(name, 'records')
  report.total = len(source)
  lost: dict[str, list[str]] = {}
  where = np.empty((len(source), 4), np.int32)
  values = np.empty((len(keys), len(source)), np.int64)
  there = np.ones(len(source), bool)
  for row, place, content in each(source, name):
    if isinstance(content, Undecodable):
      lost.setdefault(str(content), []).append(f'row {row}')
      there[row] = False
      continue
    record = parsed(source, content)
    image = record[image_key]
    where[row] = *place, content.find(image), len(image)
    for key, column in zip(keys, values, strict=True):
      column[row] = get(record, key)
  paths = [str(file.filename) for file in files_of(source)]
  rows = np.flatnonzero(there)
  records = Records(paths, where[rows])
  with Progress(len(records), 'reading', unit='record', brief=True) as progress:
    if pool is None:
      pixels, kept, notes = _decoded(records, rows, name, form, progress)
    else:
      pixels, kept, notes = _looked(records, name, form, pool, progress)
  for row, readable, kinds in zip(rows, kept, notes, strict=True):
    noted = report.changed if readable else lost
    for kind in kinds:
      noted.setdefault(kind, []).append(f'row {row}')
  report.lose('it', len(source), lost, AGAIN, AGAIN)
  files.refuse(report)
  return Found(pixels, values[:, rows[kept]], report.lines())


def _decoded(
  records: Records,
  rows: np.ndarray,
  name: str,
  form: Form,
  progress: Progress,
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, ...]]]:
  """Decodes images; tells which of them could be, and the notes of each."""
  out: np.ndarray = np.empty((0, 0, 0, 0), np.uint8)
  kept, notes, count = np.zeros(len(records), bool), [], 0
  for start in range(0, len(records), CHUNK):
    numbers = np.arange(start, min(start + CHUNK, len(records)))
    places = records.some(numbers).places()
    for number, place in zip(numbers.tolist(), places, strict=True):
      image, kinds = read_one(place, *form)
      notes.append(kinds)
      progress.advance()
      if image is None:
        continue
      if not count:
        what = f'{len(records)} images like {name} row {rows[number]}'
        require_memory(len(records) * image.nbytes, what)
        out = np.empty((len(records), *image.shape), np.uint8)
      if image.shape != out.shape[1:]:
        raise _several(name, [out.shape[1:], image.shape])
      out[count] = image
      kept[number], count = True, count + 1
  return out[:count], kept, notes


def _looked(
  records: Records,
  name: str,
  form: Form,
  pool: Workers,
  progress: Progress,
) -> tuple[Any, np.ndarray, list[tuple[str, ...]]]:
  """Looks at images; returns a stream of those that `_decoded` would."""
  seen = look_at(records, form, pool, progress)
  kept = seen.shapes[:, 0] > 0
  shapes = np.unique(seen.shapes[kept], axis=0).tolist()
  if not shapes:
    return (), kept, seen.notes
  if len(shapes) > 1:
    raise _several(name, shapes)
  return stream(records, form, seen, name, pool), kept, seen.notes


def _several(name: str, shapes: Sequence[tuple[int, ...]]) -> UserError:
  """What is wrong with images of several shapes `(H, W, C)`."""
  (height, width, _), *_, (last_height, last_width, _) = shapes
  if (height, width) == (last_height, last_width):
    return UserError(
      f'{name} has gray and color images; set channels= '
      '(--config.data.channels=) to 1 or 3'
    )
  return UserError(
    f'{name} has images of several sizes, such as {height}x{width} and '
    f'{last_height}x{last_width}; set size= (--config.data.size=) to resize all'
  )
