"""What both sides of the benchmark agree on."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import numpy as np

UNROLLS = (10, 30, 80)  # Steps of a student whose training is differentiated.


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
  experts: int = _size(2, 'Networks that train on real images.')
  steps: int = _size(5, 'Training steps of each network or expert.')
  repeats: int = _size(5, 'Timings, of which the median counts.')

  @property
  def shape(self) -> tuple[int, int, int]:
    """Returns that of an image: `(H, W, C)`."""
    return self.image, self.image, self.channels

  @property
  def sides(self) -> list[int]:
    """Returns sides of the images that each block convolves, in pixels.

    >>> Setting(image=28, channels=1, depth=3).sides
    [32, 16, 8]
    """
    padded = (self.image, self.channels) == (28, 1)
    first = 32 if padded else self.image
    return [first // 2**block for block in range(self.depth)]

  def images(self, *lead: int) -> np.ndarray:
    """Draws standard normal images `f32[*lead, H, W, C]`, always the same."""
    draw = np.random.default_rng(0).standard_normal
    return draw((*lead, *self.shape), np.float32)

  def data(self) -> tuple[np.ndarray, np.ndarray]:
    """Draws a data set of four batches: `u8[N, H, W, C]`, labels `i[N]`."""
    rng, count = np.random.default_rng(0), 4 * self.batch
    pixels = rng.integers(0, 256, (count, *self.shape), np.uint8)
    return pixels, np.arange(count) % self.classes


class Program(NamedTuple):
  """A computation that is ready to run.

  Attributes:
    run: runs it, and returns once it is done.
    planned: bytes of arguments and temporaries, if a compiler planned them, or
      an estimate.
  """

  run: Callable[[], object]
  planned: int | None = None
