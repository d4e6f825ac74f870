"""What is asked of readers."""

from __future__ import annotations

from typing import NamedTuple

from rdd_jax.data import images
from rdd_jax.runtime.workers import Workers


class Request(NamedTuple):
  """Splits of a source, and how their images are read.

  Attributes:
    name: of the source, as `load` is given it and messages call it.
    splits: their names, see `folder.read_splits`.
    size: see `load`.
    channels: see `load`.
    data_dir: see `load`.
    pool: of the processes that read images later on; None has them read now.
    labeled: whether each row needs a label; see `unlabeled.without_class`.
  """

  name: str
  splits: tuple[str, ...] = ()
  size: images.Size = None
  channels: int | None = None
  data_dir: str | None = None
  pool: Workers | None = None
  labeled: bool = True
