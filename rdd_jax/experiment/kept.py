"""What runs share beside their directories: networks, divisions, baselines.

Each file is named after a digest of all that made it, so that a run whose
`ipc` or `steps` is another trains only what that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from rdd_jax.artifact import store
from rdd_jax.config.defaults import Config
from rdd_jax.core.data_view import Keep, unkept
from rdd_jax.core.errors import UserError
from rdd_jax.experiment.experts.train import digest
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.files import write_atomically
from rdd_jax.runtime.logging import say

DIRECTORY = 'baselines'  # beside the work directory, as experts are
FORMAT = 2  # Raised when the same ingredients come to make other numbers.

T = TypeVar('T')


class Kept:
  """Results that several runs read and write, each file whole or not at all."""

  def __init__(self, directory: Path):
    """Makes nothing yet.

    Args:
      directory: of the files.
    """
    self.directory = directory
    self.read: dict[str, None] = {}  # what was, in words
    self._made: set[Path] = set()  # by this run, which may read it again

  def values(
    self,
    what: str,
    made_of: Mapping[str, Any],
    arrays: Any,
    compute: Callable[[], Any],
  ) -> Any:
    """Reads values, or computes and writes them.

    Args:
      what: they are, for the console: 'herding'.
      made_of: fields that make them what they are, as JSON can hold.
      arrays: a tree of arrays and text that do, likewise.
      compute: returns what JSON can hold.

    Returns:
      The values, as JSON reads them.
    """
    return self._get(
      what,
      self._path(made_of, arrays, 'json'),
      _checked,
      lambda: json.loads(json.dumps(compute())),
      lambda values: _signed(values, made_of),
    )

  def tree(
    self,
    what: str,
    made_of: Mapping[str, Any],
    arrays: Any,
    compute: Callable[[], T],
    like: T,
  ) -> T:
    """Reads a tree of arrays, or computes and writes it.

    Args:
      what: it is, for the console.
      made_of: see `values`.
      arrays: see `values`.
      compute: returns the tree.
      like: a tree of its structure, shapes and dtypes.
    """
    path = self._path(made_of, arrays, 'npz')
    return self._get(
      what,
      path,
      lambda data: _unpacked(data, path, like),
      compute,
      lambda tree: store.pack(
        {
          str(i): np.asarray(leaf)
          for i, leaf in enumerate(jax.tree.leaves(tree))
        }
      ),
    )

  def say(self) -> None:
    """Says what was read since it was last said, if anything."""
    if self.read:
      say(f'{", ".join(self.read)}: read from {self.directory}')
    self.read.clear()

  def _path(self, made_of: Mapping[str, Any], arrays: Any, kind: str) -> Path:
    whole = {'format': FORMAT, 'backend': jax.default_backend(), **made_of}
    return self.directory / f'{digest(whole, arrays)}.{kind}'

  def _get(
    self,
    what: str,
    path: Path,
    read: Callable[[bytes], T],
    compute: Callable[[], T],
    write: Callable[[T], bytes],
  ) -> T:
    if path.exists():
      try:
        found = read(path.read_bytes())
      except (UserError, ValueError, KeyError, TypeError, OSError):
        say(f'{path} is damaged: {what} is made again')
      else:
        if path not in self._made:
          self.read[what] = None
        return found
    found = compute()
    self._made.add(path)
    if meshes.is_main_process():
      try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write(found))
      except OSError as error:  # What others could read is not worth a run.
        say(f'{what} is not kept for other runs: {error}')
    return found


def for_run(kept: Kept | None, config: Config) -> Keep:
  """Returns how a run keeps what it prepares, see `DataView`.

  Args:
    kept: what it shares with other runs, if anything.
    config: of which the fields are read on which all results depend.
  """
  if kept is None:
    return unkept

  def keep(
    what: str,
    made_of: Mapping[str, Any],
    arrays: Any,
    compute: Callable[[], T],
    like: T,
  ) -> T:
    own = {'precision': config.precision, 'deterministic': config.deterministic}
    return kept.tree(
      what, {'what': what, **made_of, **own}, arrays, compute, like
    )

  return keep


def _signed(values: Any, made_of: Mapping[str, Any]) -> bytes:
  described = {'made_of': made_of, 'sha256': _sum(values), 'values': values}
  return json.dumps(described, indent=1, default=str).encode()


def _checked(data: bytes) -> Any:
  described = json.loads(data)
  if _sum(described['values']) != described['sha256']:
    raise ValueError('it is not what was written')
  return described['values']


def _sum(values: Any) -> str:
  return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _unpacked(data: bytes, path: Path, like: T) -> T:
  arrays = store.unpack(data, path)
  leaves, structure = jax.tree.flatten(like)
  found = [arrays[str(i)] for i in range(len(leaves))]
  for array, leaf in zip(found, leaves, strict=True):
    if (array.shape, array.dtype) != (leaf.shape, leaf.dtype):
      raise ValueError(f'{array.shape} in the place of {leaf.shape}')
  return jax.tree.unflatten(structure, [jax.device_put(a) for a in found])
