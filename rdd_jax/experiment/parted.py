"""Keeps how far a long computation is, so that a stopped run goes on there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
import time
from typing import Any, TypeVar

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.artifact import store
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.core.parts import Parts, in_one, within
from rdd_jax.experiment.experts.train import digest
from rdd_jax.runtime.files import write_atomically
from rdd_jax.runtime.logging import say

DIRECTORY = 'parts'  # in the work directory, until what they are of is written
FORMAT = 1  # Raised when the same ingredients come to make other numbers.
CALL = 1.0  # seconds of a call, about,
SAVE_EVERY = 20.0  # and between two times that a state is written
WORTH = 5.0  # seconds of work; of less nothing is written

T = TypeVar('T')


class Parted:
  """Computes in calls of about a second, and writes the state now and then.

  On one process with CPUs: elsewhere it takes one call, as steps are short. A
  computation goes on from the state in a file that is named after a digest of
  all that makes it; a file that is damaged counts for nothing.
  """

  def __init__(self, directory: Path):
    """Makes nothing yet.

    Args:
      directory: of the files.
    """
    self._directory = directory
    self.used: list[Path] = []

  def __call__(
    self,
    what: str,
    arrays: Any,
    start: Callable[[], T],
    advance: Callable[[T, Array | int, Array | int], T],
    total: int,
  ) -> T:
    """Returns the state after all steps, see `core.parts.in_one`."""
    return self.compute({}, '', what, arrays, start, advance, total)

  def compute(
    self,
    made_of: Mapping[str, Any],
    of: str,
    what: str,
    arrays: Any,
    start: Callable[[], T],
    advance: Callable[[T, Array | int, Array | int], T],
    total: int,
  ) -> T:
    """Returns the state after all steps, see `adding` and `in_one`."""
    if jax.process_count() > 1 or jax.default_backend() != 'cpu':
      return in_one(what, arrays, start, advance, total)
    named = {'format': FORMAT, 'jax': jax.__version__, 'total': total}
    what = ', '.join(filter(None, (of, what)))
    made_of = {**made_of, **named, 'what': what}
    path = self._directory / f'{digest(made_of, arrays)}.npz'
    self.used.append(path)
    done, state = _read(path, start)
    if done:
      say(f'{what}: {done:,} of {total:,} steps read from {path.parent}')
    size, began = 1, time.monotonic()
    saved = began
    while done < total:
      begin = time.monotonic()
      last = min(done + size, total)
      state = jax.block_until_ready(advance(state, done, last))
      now = time.monotonic()
      size = within(now - begin, last - done, CALL)
      done = last
      due = now - (began if done == total else saved)
      if due > (WORTH if done == total else SAVE_EVERY):
        self._write(path, done, state)
        saved = now
    return state

  def clear(self, first: int = 0) -> None:
    """Removes the files of computations from the one numbered `first` on."""
    for path in self.used[first:]:
      path.unlink(missing_ok=True)
    del self.used[first:]
    with suppress(OSError):  # there are others
      self._directory.rmdir()

  def _write(self, path: Path, done: int, state: Any) -> None:
    leaves = map(_plain, jax.tree.leaves(state))
    arrays = {str(i): np.asarray(leaf) for i, leaf in enumerate(leaves)}
    with suppress(OSError):  # A part is not worth a run.
      path.parent.mkdir(parents=True, exist_ok=True)
      arrays['done'] = np.asarray(done, np.int64)
      write_atomically(path, store.pack(arrays))


@contextmanager
def cleared(parts: Parts) -> Iterator[None]:
  """Removes what `Parted` wrote meanwhile, unless something is raised.

  Args:
    parts: of a run; of another kind, nothing is removed.
  """
  first = len(parts.used) if isinstance(parts, Parted) else 0
  yield
  if isinstance(parts, Parted):
    parts.clear(first)


def adding(parts: Parts, made_of: Mapping[str, Any], of: str) -> Parts:
  """Returns parts whose computations are made of certain fields.

  Args:
    parts: of a run; of another kind, they are returned as they are.
    made_of: whatever makes the computations what they are, besides their
      arrays, as JSON can hold.
    of: what is computed, in words.
  """
  if not isinstance(parts, Parted):
    return parts
  return partial(parts.compute, made_of, of)


def preparing(parts: Parts, config: Config) -> Parts:
  """Returns parts that prepare a measure, see `DataView`.

  Args:
    parts: of a run.
    config: of it.
  """
  names = ('transform', 'network', 'probe', 'precision', 'deterministic')
  fields = config.to_dict()
  return adding(parts, {name: fields[name] for name in names}, 'preparing')


def _read(path: Path, start: Callable[[], T]) -> tuple[int, T]:
  """The steps that are done, and the state after them."""
  try:
    arrays = store.unpack(path.read_bytes(), path)
    leaves, structure = jax.tree.flatten(jax.eval_shape(start))
    found = [_like(arrays[str(i)], x) for i, x in enumerate(leaves)]
    return int(arrays['done']), jax.tree.unflatten(structure, found)
  except FileNotFoundError:
    pass
  except (UserError, OSError, KeyError, ValueError, TypeError):
    say(f'{path} is damaged: it is made again')
  return 0, start()


def _is_key(leaf: Any) -> bool:
  return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> Any:
  return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _like(array: np.ndarray, leaf: Any) -> Array:
  found = jnp.asarray(array)
  if _is_key(leaf):
    found = jax.random.wrap_key_data(found)
  if (found.shape, found.dtype) != (leaf.shape, leaf.dtype):
    raise ValueError(f'{found.shape} in the place of {leaf.shape}')
  return found
