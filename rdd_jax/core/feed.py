"""Rows of a stream that lie on the devices before a step asks for them.

A program that asks a stream for rows waits until the host has sent them. Where
it is known which rows steps will take, those of several steps are sent ahead,
as an argument of the call that takes these steps, while the devices work on the
call before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
import math
from typing import Any, TypeVar

import jax
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.ahead import in_advance
from rdd_jax.core.batch import Batch
from rdd_jax.core.measure import Measure, draw_minibatches
from rdd_jax.core.sharding import shares
from rdd_jax.core.streamed import Images, Streamed

T = TypeVar('T')
Advance = Callable[[T, Array | int, Array | int], T]
Drawn = tuple[Array, Batch]

STEPS = 16  # whose rows are sent at once, at most,
BYTES = 2**26  # and of so many bytes, unless one step has more


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Window:
  """Holds the images of the rows of some steps.

  Attributes:
    pixels: `u8[..., steps, n, H, W, C]`, of `n` rows of each.
    first: `i[]`, the step that the first of them are of.
  """

  pixels: Any
  first: Any


def draw_steps(
  key: Array, images: Images, measure: Measure, steps: int, n: int
) -> Drawn:
  """Draws a key and lists the rows of each of so many SGD steps.

  Args:
    key, images, measure, steps, n: as of `measure.draw_minibatches`.

  Returns:
    Typed keys `[steps]`, and the batch of `draw_minibatches`: row numbers.
  """
  rows = draw_minibatches(keys.named(key, 'draw'), images, measure, steps, n)
  return jax.random.split(keys.named(key, 'steps'), steps), rows


def of_step(images: Images | Window, rows: Array, t: Array | int) -> Array:
  """Returns the images of the rows of a step.

  Args:
    images: `u8[N, H, W, C]`, or a window in which step `t` is.
    rows: `i[n]`, their numbers; not read of a window, which has no others.
    t: the step.

  >>> images, rows = np.arange(3), np.array([2, 0])
  >>> of_step(images, rows, 1).tolist()
  [2, 0]
  >>> of_step(Window(jax.numpy.array([[0, 1], [2, 0]]), 0), rows, 1).tolist()
  [2, 0]
  """
  if isinstance(images, Window):
    return jax.lax.dynamic_index_in_dim(
      images.pixels, t - images.first, keepdims=False
    )
  return images[rows]


def pixels_of(images: Images | Window) -> Array | None:
  """Returns the pixels of a window, and of other images None."""
  return images.pixels if isinstance(images, Window) else None


def with_pixels(
  images: Images | Window, pixels: Array | None
) -> Images | Window:
  """Returns a window that has other pixels, and other images as they are.

  Where windows hold rows of several networks, `[k, steps, n, ...]`, `pixels_of`
  gives what can be mapped over, and this what each of them takes.

  Args:
    images: in memory, or a window.
    pixels: `u8[steps, n, H, W, C]`, or of other images None.
  """
  if isinstance(images, Window) and pixels is not None:
    return replace(images, pixels=pixels)
  return images


def fed(
  images: Images,
  order: Array | np.ndarray,
  advance: Callable[[Any, T, Array | int, Array | int], T],
  axis: int | None = None,
) -> Advance[T]:
  """Returns how steps are taken whose rows are known: `(state, first, last)`.

  Of a stream, steps take their rows from windows, each sent while the one
  before is used; at most three are held. In any order of calls, and however
  steps are parted, they take the same rows.

  Args:
    images: in memory, which `advance` is given as they are, or a stream.
    order: `i[..., steps, n]`, the rows of all steps.
    advance: `(images, state, first, last)` to the state after the steps
      `[first, last)`, which finds their rows by `of_step`; does not donate.
    axis: of `[..., n]`, that devices share where a mesh is set, as far as it
      divides; None gives each of them all.
  """
  feed = Feed(images, order, axis)

  def run(state: T, first: Array | int, last: Array | int) -> T:
    if not feed.streamed:
      return advance(images, state, first, last)
    step = int(first)
    while step < int(last):
      window, end = feed.at(step)
      before, after = state, min(end, int(last))
      state = advance(window, before, step, after)
      jax.block_until_ready(before)  # devices are a window behind, not more
      step = after
    return state

  return run


class Feed:
  """The rows of steps, of a stream in windows that are read and sent in turn.

  Attributes:
    streamed: whether there are windows: else all steps take the images.
  """

  def __init__(
    self,
    images: Images,
    order: Array | np.ndarray,
    axis: int | None = None,
  ):
    """Reads nothing yet.

    Args:
      images, order, axis: as of `fed`.
    """
    self._images, self.streamed = images, isinstance(images, Streamed)
    if not self.streamed:
      return
    self._order = np.moveaxis(np.asarray(order), -2, 0)
    step = math.prod([*self._order.shape[1:], *images.shape[1:]])  # bytes
    self._size = max(min(BYTES // step, STEPS, len(self._order)), 1)
    self._sharding, self._own = _dealt(self._order.shape[1:], axis)
    self._first = self._end = 0
    self._held: Window | None = None
    self._next: Iterator[Window] = iter(())

  def at(self, step: int) -> tuple[Images | Window, int]:
    """Returns the images that a step takes, and until before which step."""
    if not isinstance(self._images, Streamed):
      return self._images, 2**31 - 1
    if self._held is None or not self._first <= step < self._end:
      if self._held is None or step != self._end:  # begins, or begins again
        lines = self._order.reshape(len(self._order), -1)
        self._images.expect(lines)
        starts = range(step, len(lines), self._size)
        self._next = in_advance(self._sender(), starts)
      self._held = None  # a row that is not read is asked for again
      self._held = next(self._next)
      self._first, self._end = step, step + self._size
    return self._held, self._end

  def _sender(self) -> Callable[[int], Window]:
    """Returns what reads and sends the rows of some steps, from one on.

    It does not know this object, which otherwise would be freed, with its
    windows and its thread, whenever Python looks for cycles.
    """
    images, order, size = self._images, self._order, self._size
    sharding, own = self._sharding, self._own

    def send(start: int) -> Window:
      steps = np.minimum(start + np.arange(size), len(order) - 1)  # fills up
      read = [images[order[t][own]] for t in steps]
      pixels = np.stack(read, order.ndim - 2)
      if sharding is None:
        return Window(jax.device_put(pixels), start)
      sent = jax.make_array_from_process_local_data(sharding, pixels)
      return Window(sent, start)

    return send


def _dealt(
  shape: tuple[int, ...], axis: int | None
) -> tuple[NamedSharding | None, tuple[np.ndarray, ...]]:
  """How pixels of rows `[*shape]` of steps are shared, and which are read."""
  own, devices = [np.arange(size) for size in shape], shares()
  if devices == 1:
    return None, np.ix_(*own)
  mesh = jax.sharding.get_mesh()
  spec: list[str | None] = [None] * len(shape)
  if axis is not None and shape[axis] % devices == 0:
    spec[axis] = 'data'
    rows = NamedSharding(mesh, PartitionSpec(*spec))
    held = rows.addressable_devices_indices_map(shape).values()
    own[axis] = np.unique([own[axis][i[axis]] for i in held if i])
  spec.insert(len(shape) - 1, None)  # steps
  return NamedSharding(mesh, PartitionSpec(*spec)), np.ix_(*own)
