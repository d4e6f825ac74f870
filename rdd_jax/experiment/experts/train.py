"""The trajectories of a buffer's experts, those missing trained in rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import hashlib
import json
import shutil
from typing import Any

import jax
from jax import Array
from jax.sharding import Mesh
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure
from rdd_jax.core.streamed import Images, Streamed, is_streamed
from rdd_jax.experiment.experts.programs import program_of
from rdd_jax.experiment.experts.rounds import train_round
from rdd_jax.experiment.experts.store import Buffer, Store
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.logging import say
from rdd_jax.runtime.progress import Progress
from rdd_jax.training.expert import Expert

SCHEMA = 1  # Raised when the same ingredients come to make other experts.


def trajectories(
  buffer: Buffer,
  expert: Expert,
  key: Array,
  images: Images,
  measure: Measure,
  mesh: Mesh,
  *,
  stop: Callable[[], bool] = lambda: False,
  tell: Callable[[int], object] = lambda epoch: None,
) -> list[np.ndarray] | None:
  """Returns the snapshots of all experts; trains those missing or damaged.

  Expert `i` depends on the ingredients and on `i` alone, not on how many there
  are or which of them train side by side. Every process calls this, and sees
  the same files.

  Args:
    buffer: what is asked for.
    expert: how one trains.
    key: the root of their randomness.
    images: `u8[N, H, W, C]`, whole on every device.
    measure: over the same rows, likewise.
    mesh: whose devices share the experts.
    stop: asked after each epoch, and on CPUs every second or so within one.
    tell: called after each epoch of a round, with its number.

  Returns:
    For each expert a read-only memory map `f32[snapshots, p]`; None when
    `stop()` said so, after saving: the same call resumes.

  Raises:
    UserError: when `parallel` cannot be shared by the devices.
  """
  if buffer.parallel != 1 and buffer.parallel % mesh.size:
    raise UserError(
      f'experts.parallel={buffer.parallel} cannot be shared by {mesh.size} '
      f'devices: give a multiple of {mesh.size}, or 1, and all devices train '
      'each expert together'
    )
  made_of = {**buffer.made_of, 'snapshots': buffer.snapshots}
  if _has_statistics(expert):  # buffers had none before
    made_of['batch_statistics'] = True
  name = digest(made_of, (jax.random.key_data(key), images, measure))
  store = Store(buffer.directory / name, len(buffer.snapshots))
  main = meshes.is_main_process()
  todo = store.missing(buffer.number) if main else []
  if todo:  # what is finished may be somebody else's, and only be read
    store.begin(made_of)
  absent = np.isin(np.arange(buffer.number), todo)
  missing = np.flatnonzero(meshes.from_main(absent)).tolist()
  size = buffer.parallel
  rounds = [missing[i : i + size] for i in range(0, len(missing), size)]
  if rounds:
    _tell_whole(buffer, expert.size(len(images)), mesh.size)
    streamed = isinstance(images, Streamed)
    program = program_of(expert, mesh, buffer.parallel, streamed=streamed)
    epochs = buffer.snapshots[-1]
    total = len(rounds) * epochs
    label = f'training {buffer.what}'
    with Progress(total, label, unit='epoch') as progress:
      progress.update(0)
      for done, numbers in enumerate(rounds):

        def show(epoch: int, done: int = done) -> None:
          progress.update(done * epochs + epoch)
          tell(epoch)

        finished = train_round(
          store,
          buffer,
          numbers,
          program,
          expert.count(len(images)),
          key,
          (images, measure),
          mesh,
          show,
          stop,
        )
        if not finished:
          return None
    if main:  # What was begun by groups of another size is of no use.
      for left in buffer.scratch.glob(f'{name}-*'):
        shutil.rmtree(left, ignore_errors=True)
    meshes.any_process(False)  # The others are about to read what one wrote.
  return [store.read(number) for number in range(buffer.number)]


def _tell_whole(buffer: Buffer, rows: int, devices: int) -> None:
  """Says where the rows of a step are not shared, and what it costs."""
  if buffer.parallel == 1 and rows % devices:
    say(
      f'a step of {buffer.what} has {rows} rows, which {devices} devices '
      f'cannot share: each of them takes them all; experts.batch_size='
      f'{-(-rows // devices) * devices} would be shared'
    )


def _has_statistics(expert: Expert) -> bool:
  """Whether experts have batch statistics, which snapshots then hold too."""
  state = jax.eval_shape(expert.init, jax.random.key(0))
  return bool(jax.tree.leaves(state.learner.variables['batch_stats']))


def digest(made_of: Mapping[str, Any], arrays: Any) -> str:
  """Names what makes experts: a digest of all of it, 16 hexadecimal digits.

  Args:
    made_of: fields that JSON can hold.
    arrays: a tree of arrays, and of streamed images.

  >>> digest({}, np.zeros(2)) == digest({}, np.zeros(3))
  False
  """
  text = json.dumps([SCHEMA, made_of], sort_keys=True, default=str)
  found = hashlib.sha256(text.encode())
  for leaf in jax.tree.leaves(arrays, is_leaf=is_streamed):
    if isinstance(leaf, Streamed):
      found.update(leaf.reader.identity.encode())
      continue
    array = np.asarray(leaf)
    found.update(repr((array.shape, array.dtype)).encode())
    # Not `tobytes`: images may be half of the memory there is.
    found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
  return found.hexdigest()[:16]
