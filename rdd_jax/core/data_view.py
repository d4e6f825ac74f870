"""What a transform may look at when it prepares the measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from jax import Array

from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import UserError
from rdd_jax.core.parts import Parts, in_one

T = TypeVar('T')


class Scores(NamedTuple):
  """Losses `f[n]`, features `f[n, d]` and logits `f[n, o]` of rows."""

  losses: Array
  features: Array
  logits: Array


ScoreFn = Callable[[Batch], Scores]


Tell = Callable[[str, int, int], None]


class Keep(Protocol):
  def __call__(
    self,
    what: str,
    made_of: Mapping[str, Any],
    arrays: Any,
    compute: Callable[[], T],
    like: T,
  ) -> T:
    """Returns what `compute` would, see `unkept`."""
    ...


def untold(stage: str, done: int, total: int) -> None:
  """Shows nothing, in the place of what shows where a long `prepare` is."""
  del stage, done, total


def unscored() -> Scores:
  """Refuses to score rows.

  Raises:
    UserError: always; it says what to give.
  """
  raise UserError(
    'a transform asks for the scores of all rows, and no probe gives them; '
    'pass DataView(images, labels, score_all), where score_all() returns a '
    "probe's Scores of all rows"
  )


def unkept(
  what: str,
  made_of: Mapping[str, Any],
  arrays: Any,
  compute: Callable[[], T],
  like: T,
) -> T:
  """Computes, in the place of what reads what another run has computed.

  Args:
    what: it is, in words for a console.
    made_of: fields that make it what it is, as JSON can hold.
    arrays: a tree of arrays that do, likewise.
    compute: returns a tree of arrays.
    like: a tree of its structure, shapes and dtypes.

  >>> unkept('one', {}, (), lambda: 1, 0)
  1
  """
  del what, made_of, arrays, like
  return compute()


class DataView(NamedTuple):
  """Holds the training set, and its scores, for `prepare` outside jit.

  `DataView(images, labels)` is all that most transforms need.

  Attributes:
    images: `u8[N, H, W, C]`, the training set as it is, in the order of the
      rows of the measure.
    labels: `i[N]`, the labels as given, in the same order.
    score_all: `() -> Scores` of all N rows, in the same order, by the probe's
      averaged weights; costs a pass over the data. Needed only by transforms
      that ask for it; by default, those are told so.
    tell: called with the name of a stage, and how many of how many steps of it
      are done, for whoever waits.
    keep: called as `unkept` for what takes long and depends on nothing but what
      it is given, so that another run on the same data may read it.
    parts: called as `in_one` for what takes long, step by step.
  """

  images: Array
  labels: Array
  score_all: Callable[[], Scores] = unscored
  tell: Tell = untold
  keep: Keep = unkept
  parts: Parts = in_one
