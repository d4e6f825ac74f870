"""What comes next, computed while what came before is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar('T')
R = TypeVar('R')


def in_advance(fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
  """Yields `fn` of each item; that of the next is computed meanwhile.

  One thread computes them, in order, and is one ahead of who asks: while the
  result of an item is used, that of the next is on its way.

  Args:
    fn: called in another thread.
    items: of which one is taken more than was asked for.

  Raises:
    Exception: whatever `fn` raised, when that result is asked for.

  >>> list(in_advance(lambda x: 2 * x, range(4)))
  [0, 2, 4, 6]
  """
  with ThreadPoolExecutor(1, 'ahead') as thread:
    before: Future[R] | None = None
    for item in items:
      after = thread.submit(fn, item)
      if before is not None:
        yield before.result()
      before = after
    if before is not None:
      yield before.result()
