"""Steps that are fed rows of a stream are those that take them from memory."""

from __future__ import annotations

import gc
import threading
from typing import Any
import weakref

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core import feed
from rdd_jax.core.ahead import in_advance
from rdd_jax.core.feed import fed, of_step, pixels_of, with_pixels
from rdd_jax.core.streamed import Streamed
from rdd_jax.runtime import distributed as meshes

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 2, 1), np.uint8)


class Reader:
  """Reads from memory, and notes what was asked for and expected."""

  shape, identity = IMAGES.shape, 'these'

  def __init__(self):
    self.asked: list[list[int]] = []
    self.expected: list[list[int]] = []

  def read(self, rows: np.ndarray) -> np.ndarray:
    self.asked.append(rows.tolist())
    return IMAGES[rows]

  def expect(self, order: np.ndarray) -> None:
    self.expected += order.tolist()

  def some(self, rows: np.ndarray) -> Any:
    raise NotImplementedError


@jax.jit
def advance(order: Any, images: Any, state: Any, first: Any, last: Any) -> Any:
  """The order of steps matters to the sum."""

  def step(t: Any, state: Any) -> Any:
    rows = of_step(images, order[t], t)
    return 2 * state % 1009 + rows.astype(int).sum()

  return jax.lax.fori_loop(first, last, step, state)


def taken(images: Any, order: np.ndarray, ends: list[int]) -> int:
  run = fed(images, order, lambda *given: advance(jnp.asarray(order), *given))
  state = jnp.zeros([], int)
  for first, last in zip([0, *ends], ends, strict=False):
    state = run(state, first, last)
  return int(state)


@pytest.mark.parametrize('step', [0, 9])
def test_a_feed_that_is_dropped_is_freed_at_once(step, monkeypatch):
  """Its windows and its thread do not wait until Python looks for cycles."""
  monkeypatch.setattr(feed, 'STEPS', 2)
  order = np.random.default_rng(1).integers(0, 50, (10, 4))
  gc.disable()
  try:
    rows = feed.Feed(Streamed(Reader()), order)
    window = weakref.ref(rows.at(step)[0])
    assert window() is not None
    del rows
    assert window() is None
    assert not [x for x in threading.enumerate() if x.name.startswith('ahead')]
  finally:
    gc.enable()


@pytest.mark.parametrize('window', [1, 3, 4, 16])
@pytest.mark.parametrize('ends', [[10], [1, 2, 9, 10], [4, 8, 10]])
def test_fed_steps_are_those_of_memory(window, ends, monkeypatch):
  """However calls and windows part them; each line of rows is read once."""
  monkeypatch.setattr(feed, 'STEPS', window)
  order = np.random.default_rng(1).integers(0, 50, (10, 4))
  reader = Reader()
  found = taken(Streamed(reader), order, ends)
  assert found == taken(jnp.asarray(IMAGES), order, [10])
  assert reader.expected == order.tolist()
  full = -(-10 // window) * window
  last = [order[-1].tolist()] * (full - 10)  # the last window is filled up
  assert reader.asked == [*order.tolist(), *last][: len(reader.asked)]


def test_steps_may_begin_anywhere_and_again(monkeypatch):
  monkeypatch.setattr(feed, 'STEPS', 4)
  order = np.random.default_rng(1).integers(0, 50, (10, 4))
  stream, seen = Streamed(Reader()), []

  def note(images: Any, state: Any, first: int, last: int) -> Any:
    for t in range(first, last):
      rows = np.asarray(of_step(images, order[t], t))
      np.testing.assert_array_equal(rows, IMAGES[order[t]])
      seen.append(t)
    return state

  run = fed(stream, order, note)
  for first, last in ((7, 9), (2, 5), (5, 10), (0, 1)):
    run(None, first, last)
  assert seen == [7, 8, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_windows_are_no_larger_than_their_bytes(monkeypatch):
  """But a step has all its rows, however large."""
  order = np.zeros((10, 4), int)
  for most, steps in ((6 * 4 * 3 + 5, 3), (5, 1), (2**20, 10)):
    monkeypatch.setattr(feed, 'BYTES', most)
    sizes = []

    def note(images: Any, state: Any, first: int, last: int, to=sizes) -> Any:
      to.append(images.pixels.shape[0])
      return state

    fed(Streamed(Reader()), order, note)(None, 0, 10)
    assert set(sizes) == {steps}


def test_the_next_window_is_read_while_one_is_used(monkeypatch):
  monkeypatch.setattr(feed, 'STEPS', 1)
  order = np.arange(3)[:, None]
  read = [threading.Event() for _ in order]

  class Waiting(Reader):
    def read(self, rows: np.ndarray) -> np.ndarray:
      read[int(rows[0])].set()
      return super().read(rows)

  def wait(images: Any, state: Any, first: int, last: int) -> Any:
    if last < 3:
      assert read[last].wait(10)  # before this step is over
    return state

  fed(Streamed(Waiting()), order, wait)(None, 0, 3)


def test_rows_of_several_networks_lie_side_by_side():
  order = np.random.default_rng(1).integers(0, 50, (2, 5, 4))

  def note(images: Any, state: Any, first: int, last: int) -> Any:
    pixels = pixels_of(images)
    assert pixels is not None
    for own, rows in zip(pixels, order, strict=True):
      for t in range(first, last):
        found = of_step(with_pixels(images, own), rows[t], t)
        np.testing.assert_array_equal(found, IMAGES[rows[t]])
    return state + last - first

  assert fed(Streamed(Reader()), order, note)(0, 0, 5) == 5


@pytest.mark.parametrize(('axis', 'rows'), [(1, 8), (1, 6), (0, 8), (None, 8)])
def test_devices_have_their_share(axis, rows):
  """As far as it divides; what each of them has is what it would be given."""
  order = np.random.default_rng(1).integers(0, 50, (4, 5, rows))
  shared = axis is not None and (4, rows)[axis] % 4 == 0
  with meshes.use(meshes.make_mesh(4)):

    def note(images: Any, state: Any, first: int, last: int) -> Any:
      np.testing.assert_array_equal(images.pixels, IMAGES[order])
      assert images.pixels.is_fully_replicated != shared
      shard = images.pixels.addressable_shards[1].data.shape
      whole = [4, 5, rows, 3, 2, 1]
      if shared:
        whole[0 if axis == 0 else 2] //= 4
      assert shard == tuple(whole)
      return state

    fed(Streamed(Reader()), order, note, axis)(None, 0, 5)


def test_a_failure_of_the_reader_is_raised_where_its_rows_are_used():
  """And no later: the steps before are taken. Then they can be asked again."""
  broken = True

  class Broken(Reader):
    def read(self, rows: np.ndarray) -> np.ndarray:
      if broken and 20 in rows:
        raise ValueError('row 20')
      return super().read(rows)

  seen: list[int] = []

  def note(images: Any, state: Any, first: int, last: int) -> Any:
    seen.extend(range(first, last))
    return state

  run = fed(Streamed(Broken()), np.arange(40)[:, None], note)
  for _ in range(2):
    with pytest.raises(ValueError, match='row 20'):
      run(None, len(seen), 40)
    assert seen == list(range(feed.STEPS))
  broken = False
  run(None, len(seen), 40)
  assert seen == list(range(40))


def test_no_steps_read_nothing():
  reader = Reader()
  run = fed(Streamed(reader), np.zeros((0, 4), int), lambda *_: 1)
  assert run(0, 0, 0) == 0
  assert reader.asked == []


def test_what_is_computed_in_advance_is_in_order_and_one_ahead():
  begun: list[int] = []

  def square(x: int) -> int:
    begun.append(x)
    return x * x

  for i, found in enumerate(in_advance(square, iter(range(5)))):
    assert found == i * i
    assert len(begun) <= i + 2
  assert begun == [0, 1, 2, 3, 4]
  assert list(in_advance(square, [])) == []
  chex.assert_trees_all_equal(list(in_advance(square, [7])), [49])
