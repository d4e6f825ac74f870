"""What both sides of the benchmark agree on."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import numpy as np


def _size(default: int, meaning: str) -> int:
  return dataclasses.field(default=default, metadata={'meaning': meaning})


@dataclasses.dataclass(frozen=True)
class Setting:
  """The sizes of what is measured, each a flag of the command."""

  width: int = _size(128, 'Filters of a convolution.')
  depth: int = _size(3, 'Blocks of the ConvNet.')
  image: int = _size(32, 'Side of an image, in pixels.')
  channels: int = _size(3, 'Channels of an image.')
  classes: int = _size(10, 'Number of classes.')
  ipc: int = _size(10, 'Synthetic images of a class.')
  real: int = _size(256, 'Real images of a class in a matching step.')
  batch: int = _size(256, 'Images of a training step.')
  seeds: int = _size(5, 'Networks of an evaluation.')
  steps: int = _size(5, 'Training steps of each network of an evaluation.')
  repeats: int = _size(5, 'Timings, of which the median counts.')

  @property
  def shape(self) -> tuple[int, int, int]:
    """Of an image: `(H, W, C)`."""
    return self.image, self.image, self.channels

  def images(self, *lead: int) -> np.ndarray:
    """Standard normal images `f32[*lead, H, W, C]`, always the same ones."""
    draw = np.random.default_rng(0).standard_normal
    return draw((*lead, *self.shape), np.float32)


class Program(NamedTuple):
  """A computation that is ready to run.

  Attributes:
    run: runs it, and returns once it is done.
    planned: bytes of arguments and temporaries, if a compiler planned them.
  """

  run: Callable[[], object]
  planned: int | None = None
