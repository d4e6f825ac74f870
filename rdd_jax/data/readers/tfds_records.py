"""Reads the records of prepared TFDS splits, or finds their images on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import functools
import operator
from typing import Any, NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers.report import Report
from rdd_jax.data.readers.streaming import look_at, stream
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.rows import Form
from rdd_jax.runtime.sources import Records
from rdd_jax.runtime.workers import Workers

_CHUNK = 1024  # records read at once; bounds the encoded bytes in memory


class Found(NamedTuple):
  """Images that were looked at, and what their records say of them.

  Attributes:
    images: a stream of N.
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
  instructions: Sequence[Any],
  source: Any,
  name: str,
  image_key: str,
  keys: Sequence[tuple[str, ...]],
  form: Form,
  pool: Workers,
) -> Found:
  """Finds the images of a split, and looks at each of them.

  Images that cannot be decoded are left out, while they are few.

  Args:
    instructions: of TFDS, which records of which files are the split.
    source: of these records, with images left encoded.
    name: of the split, for messages.
    image_key: of the image in a record,
    keys: and what leads to each of k values.
    form: the size and the channels of images.
    pool: of the processes that read them.

  Raises:
    UserError: if images have several sizes, or too many cannot be decoded.
  """
  places = np.concatenate(
    [
      [(i, row) for row in range(file.skip, file.skip + file.take)]
      for i, file in enumerate(instructions)
    ]
  )
  parts, values = [], np.empty((len(keys), len(source)), np.int64)
  raw = source.data_source
  for row, record in each(source, name):
    if not row % _CHUNK:
      numbers = range(row, min(row + _CHUNK, len(source)))
      whole = raw.__getitems__(numbers)
    image = record[image_key]
    parts.append((whole[row % _CHUNK].find(image), len(image)))
    for key, column in zip(keys, values, strict=True):
      column[row] = get(record, key)
  where = np.concatenate([places, np.array(parts)], 1).astype(np.int32)
  records = Records([str(file.filename) for file in instructions], where)
  with Progress(len(records), 'reading', unit='record', brief=True) as progress:
    seen = look_at(records, form, pool, progress)
  report = Report(name)
  report.total = len(records)
  lost: dict[str, list[str]] = {}
  kept = seen.shapes[:, 0] > 0
  for row in np.flatnonzero(~kept):
    lost.setdefault(seen.notes[row][0], []).append(f'row {row}')
  report.lose('it', len(records), lost, 'prepare it again')
  if report.faults:
    raise UserError(f'{name}: {"; ".join(report.faults)}')
  sizes = np.unique(seen.shapes[kept], axis=0)
  if len(sizes) > 1:
    raise UserError(
      f'{name} has images of {len(sizes)} sizes, from {list(sizes[0][:2])} to '
      f'{list(sizes[-1][:2])}; set size= (--config.data.size=) to resize all'
    )
  images = stream(records, form, seen, name, pool)
  return Found(images, values[:, kept], report.lines())


def each(source: Any, name: str) -> Iterator[tuple[int, Any]]:
  """Yields the number and the content of each record.

  Args:
    source: of TFDS.
    name: what an error calls it.

  Raises:
    UserError: if one cannot be read.
  """
  for start in range(0, len(source), _CHUNK):
    rows = range(start, min(start + _CHUNK, len(source)))
    try:
      records = source.__getitems__(rows)
    except RuntimeError as error:
      reason = str(error).splitlines()[0]
      raise UserError(
        f'{name} cannot be read ({reason}); prepare it again'
      ) from error
    yield from zip(rows, records, strict=True)


def get(record: Any, key: Sequence[str]) -> Any:
  """Returns what some keys, one inside the other, lead to.

  >>> get({'attributes': {'Male': 1}}, ('attributes', 'Male'))
  1
  """
  return functools.reduce(operator.getitem, key, record)
