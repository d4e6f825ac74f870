"""Looks at the image files of a folder, and leaves their pixels on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
from typing import Any

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data.readers.listing import File
from rdd_jax.data.readers.streaming import look_at, stream
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.rows import Form, Looked
from rdd_jax.runtime.sources import Files
from rdd_jax.runtime.workers import Workers


class Scan:
  """Decodes every file once, and keeps what it is like.

  Attributes:
    shapes: of all images that can be read.
    mixed: whether they have several sizes.
    changed: from what was done to some of them to their names.
    lost: of each part, from why some cannot be read to their names.
  """

  def __init__(
    self,
    parts: Mapping[str, Sequence[File]],
    form: Form,
    label: str,
    pool: Workers,
  ) -> None:
    """Looks at all files.

    Args:
      parts: from what messages call a part to its files.
      form: the size and the channels of images; None leaves them as they are.
      label: what the progress calls it.
      pool: of the processes that read.
    """
    self._parts, self._form, self._pool = parts, form, pool
    self._seen: dict[str, Looked] = {}
    self.shapes: list[tuple[int, ...]] = []
    self.changed: dict[str, list[str]] = {}
    self.lost: dict[str, dict[str, list[str]]] = {name: {} for name in parts}
    total = sum(map(len, parts.values()))
    with Progress(total, label, unit='file', brief=True) as progress:
      for part, files in parts.items():
        seen = look_at(_source(files), form, pool, progress)
        self._seen[part] = seen
        for file, shape, notes in zip(
          files, seen.shapes.tolist(), seen.notes, strict=True
        ):
          there = shape != [0, 0, 0]
          if there:
            self.shapes.append(tuple(shape))
          for kind in notes:
            noted = self.changed if there else self.lost[part]
            noted.setdefault(kind, []).append(file.name)
    self.mixed = len({shape[:2] for shape in self.shapes}) > 1

  def images(self, part: str, depth: int, where: str) -> tuple[Any, list[File]]:
    """Returns a stream of the images of a part, and the files of its rows.

    Args:
      part: its name.
      depth: channels of its images, as they were looked at.
      where: what errors call it.
    """
    seen, files = self._seen[part], self._parts[part]
    kept = [files[row] for row in np.flatnonzero(seen.shapes[:, 0]).tolist()]
    if not kept:
      return np.zeros((0, 0, 0, depth), np.uint8), kept
    source = _source(files)
    return stream(source, self._form, seen, where, self._pool), kept


def _source(files: Sequence[File]) -> Files:
  paths = [file.path for file in files if not callable(file.path)]
  if len(paths) < len(files):
    raise UserError(
      f'{files[0].name} and others are no files of their own, and so cannot be '
      'streamed: save them as image files, or read them whole, by '
      '--config.data.stream=False'
    )
  return Files([os.path.abspath(path) for path in paths])
