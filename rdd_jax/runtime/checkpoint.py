"""The state of a run on disk: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import hashlib
import json
import os
from pathlib import Path
import shutil
from typing import Any

from absl import logging
import jax
from jax.experimental import multihost_utils
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec, SingleDeviceSharding
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import former, stopping

# DIRECTORY/checkpoints/STEP holds what orbax writes, in `state`, and then, as
# the last file of all, a manifest: the leaves, and a digest of every file.
# A step without its manifest was never finished. Orbax itself does not notice
# a flipped byte, and casts a leaf that comes back with another dtype.
_MANIFEST = 'manifest.json'
_NO_CHECKPOINT, _ALL_DAMAGED = -1, -2


@stopping.finished('saving')
def save(directory: str | Path, step: int, tree: Any, *, keep: int = 2) -> None:
  """Writes `tree` as the checkpoint of `step`, then drops older ones.

  Every process calls it, with a `directory` that all of them see. Arrays that
  span processes are written in parts, by the processes that hold them.

  Args:
    directory: the work directory; `checkpoints/STEP` appears below it.
    step: the number of steps done; saving one again replaces it.
    tree: any pytree of arrays, typed keys and Python numbers.
    keep: how many finished checkpoints stay.

  Raises:
    UserError: if it cannot be written; the earlier checkpoints stay.
  """
  from orbax.checkpoint import v1 as ocp

  path = _folder(directory) / str(step)
  main = jax.process_index() == 0
  leaves = _named(tree)
  try:
    if main:
      path.mkdir(parents=True, exist_ok=True)
      (path / _MANIFEST).unlink(missing_ok=True)
    with _orbax():
      ocp.save(str(path / 'state'), _stored(leaves), overwrite=True)
    if main:
      described = {name: _describe(leaf) for name, leaf in leaves.items()}
      files = _digests(path / 'state')
      manifest: dict[str, Any] = {'leaves': described, 'files': files}
      manifest['sum'] = _sum(manifest)
      draft = path / 'manifest.tmp'
      draft.write_text(json.dumps(manifest, indent=1))
      os.replace(draft, path / _MANIFEST)
      _prune(path.parent, keep)
  except (OSError, ValueError) as error:
    if main:
      shutil.rmtree(path, ignore_errors=True)
    # Tensorstore reports the operating system's errors as ValueErrors.
    if isinstance(error, ValueError) and 'os_error_code' not in str(error):
      raise
    raise UserError(
      f'checkpoint {path} cannot be written ({_one_line(error)}): free some '
      'space or choose another --workdir; earlier checkpoints are intact'
    ) from error


def restore_latest(
  directory: str | Path, *abstract_trees: Any
) -> tuple[int, Any] | None:
  """Reads the newest checkpoint that is whole, on any number of processes.

  A newer one that was torn, by a kill or by the disk, is named in a warning
  and removed once an older one has been found whole.

  Args:
    directory: the work directory.
    *abstract_trees: of which one is expected back, of arrays or of
      `jax.ShapeDtypeStruct`; their shardings say where the leaves go. One
      without is replicated over the mesh in use, else on the first device.

  Returns:
    The step and the tree, bit for bit; None if no save was ever finished.

  Raises:
    UserError: if all are damaged, or if the newest whole one holds other
      leaves, shapes or dtypes than any of them.
  """
  from orbax.checkpoint import v1 as ocp

  folder = _folder(directory)
  # One process looks and all follow, or they could restore different steps.
  found = _newest(folder) if jax.process_index() == 0 else 0
  step = int(multihost_utils.broadcast_one_to_all(np.int32(found)))
  if step == _NO_CHECKPOINT:
    return None
  if step == _ALL_DAMAGED:
    raise UserError(
      f'no checkpoint in {folder} is whole: remove {folder} to take its steps '
      'again, or choose another --workdir'
    )
  path = folder / str(step)
  stored = json.loads((path / _MANIFEST).read_text())['leaves']
  was = former.names(stored, _named(abstract_trees[0]))
  saved = {name: stored[was[name]] for name in was}

  def described(tree: Any) -> dict[str, str]:
    return {name: _describe(leaf) for name, leaf in _named(tree).items()}

  fitting = (tree for tree in abstract_trees if described(tree) == saved)
  abstract_tree = next(fitting, abstract_trees[0])
  leaves, asked = _named(abstract_tree), described(abstract_tree)
  for name in sorted(saved | asked):
    if saved.get(name) != asked.get(name):
      rows = ', with the data as they were' if 'measure' in name else ''
      raise UserError(
        f'checkpoint {path} is of another run: leaf {name} is '
        f'{saved.get(name, "absent")} there, {asked.get(name, "absent")} '
        f'here: give the config that it was made with{rows}, or choose another '
        '--workdir'
      )
  placed = {name: _place(leaf) for name, leaf in leaves.items()}
  wanted = {was[name]: leaf for name, leaf in _stored(placed).items()}
  rest = dict.fromkeys(stored.keys() - was.values(), ...)  # not to be read
  with _orbax():
    loaded = ocp.load(str(path / 'state'), {**wanted, **rest})
  values = [
    loaded[was[name]] if was[name] in wanted else _empty(leaf)
    for name, leaf in placed.items()
  ]
  return step, jax.tree.unflatten(jax.tree.structure(abstract_tree), values)


def _folder(directory: str | Path) -> Path:
  return Path(directory).absolute() / 'checkpoints'


def _named(tree: Any) -> dict[str, Any]:
  """The leaves by their path in the tree, in its order."""
  return {
    jax.tree_util.keystr(path): leaf
    for path, leaf in jax.tree.leaves_with_path(tree)
  }


def _stored(leaves: dict[str, Any]) -> dict[str, Any]:
  """The leaves with something in them: orbax refuses arrays of size 0."""
  return {name: leaf for name, leaf in leaves.items() if np.size(leaf)}


def _describe(leaf: Any) -> str:
  dtype = getattr(leaf, 'dtype', type(leaf).__name__)
  return f'{dtype}{list(np.shape(leaf))}'


def _place(leaf: Any) -> Any:
  if isinstance(leaf, jax.ShapeDtypeStruct) and leaf.sharding is None:
    mesh = jax.sharding.get_mesh()
    sharding = (
      SingleDeviceSharding(jax.local_devices()[0])
      if mesh.empty
      else NamedSharding(mesh, PartitionSpec())
    )
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
  return leaf


def _empty(leaf: Any) -> Any:
  if isinstance(leaf, np.ndarray):
    return leaf
  return jax.device_put(jnp.empty(leaf.shape, leaf.dtype), leaf.sharding)


def _digests(folder: Path) -> dict[str, str]:
  """The SHA-256 of every file below `folder`, by its path from there."""
  digests = {}
  for path in sorted(folder.rglob('*')):
    if path.is_file():
      with path.open('rb') as file:
        digest = hashlib.file_digest(file, 'sha256').hexdigest()
      digests[path.relative_to(folder).as_posix()] = digest
  return digests


def _sum(manifest: dict[str, Any]) -> str:
  """The SHA-256 of what a manifest says."""
  return hashlib.sha256(json.dumps(manifest).encode()).hexdigest()


def _steps(folder: Path) -> list[int]:
  return sorted(int(p.name) for p in folder.glob('*') if p.name.isdigit())


def _newest(folder: Path) -> int:
  """The newest whole step; removes the damaged ones after it."""
  damaged, finished = [], False
  for step in reversed(_steps(folder)):
    path = folder / str(step)
    fault = _fault(path)
    if fault is None:
      for torn in damaged:
        shutil.rmtree(torn)
      return step
    logging.warning('checkpoint %s is not whole (%s): left out', path, fault)
    damaged.append(path)
    finished |= (path / _MANIFEST).exists()
  return _ALL_DAMAGED if finished else _NO_CHECKPOINT


def _fault(path: Path) -> str | None:
  """What is wrong with the checkpoint at `path`; None when it is whole."""
  try:
    manifest = json.loads((path / _MANIFEST).read_text())
    # Earlier versions wrote no sum.
    if manifest.pop('sum', None) not in (None, _sum(manifest)):
      return 'its manifest is altered'
    expected = dict(manifest['files'])
  except FileNotFoundError:
    return 'its save was not finished'
  except (ValueError, KeyError, TypeError, AttributeError):
    return 'its manifest is unreadable'
  found = _digests(path / 'state')
  wrong = [f for f in expected if found.get(f) != expected[f]]
  return f'{wrong[0]} is missing or altered' if wrong else None


def _prune(folder: Path, keep: int) -> None:
  """Removes all but the `keep` newest finished checkpoints."""
  steps = _steps(folder)
  finished = [s for s in steps if (folder / str(s) / _MANIFEST).exists()]
  for step in set(steps) - set(finished[-keep:]):
    shutil.rmtree(folder / str(step), ignore_errors=True)


def _one_line(error: Exception) -> str:
  return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextmanager
def _orbax() -> Iterator[None]:
  """Orbax as this file wants it: quiet, uncompressed, directories first."""
  from orbax.checkpoint import v1 as ocp

  logger = logging.get_absl_logger()

  # Its log lines would break the progress bar; its errors are raised as well.
  def not_orbax(record: Any) -> bool:
    return f'{os.sep}orbax{os.sep}' not in record.pathname

  context = ocp.Context()
  # Made in the background, a directory that cannot be made leaves threads
  # which wait for it for five minutes.
  context.async_options.create_directories_asynchronously = False
  # zstd takes 8 % off float32 values and more than doubles the time.
  context.array.saving.use_compression = False
  logger.addFilter(not_orbax)
  try:
    with context:
      yield
  finally:
    logger.removeFilter(not_orbax)
