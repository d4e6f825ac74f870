"""Trains the experts of a buffer, several to a program, and resumes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
import hashlib
import json
from pathlib import Path
import shutil
import time
from typing import Any, NamedTuple
import zlib

from absl import logging
import jax
from jax import Array
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec
import numpy as np

from rdd_jax import networks
from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure
from rdd_jax.core.sharding import each
from rdd_jax.experiment.experts.store import Store, fault_of, write_row
from rdd_jax.runtime import checkpoint, stopping
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.progress import Progress
from rdd_jax.training.expert import Expert, ExpertState

SCHEMA = 1  # Raised when the same ingredients come to make other experts.
SAVE_EVERY = 60.0  # Seconds of training that a kill may cost.


class Buffer(NamedTuple):
  """Which experts there should be, and where.

  Attributes:
    directory: below which buffers stand, each named after what made it.
    scratch: a directory of this run alone, for experts in training.
    number: of experts.
    snapshots: the epochs after which variables are kept, ascending.
    parallel: experts trained in one program; a multiple of the devices.
    made_of: names and values that, with the data and the key, make the experts
      what they are; whatever JSON can hold.
    what: they are called while they are trained.
  """

  directory: Path
  scratch: Path
  number: int
  snapshots: tuple[int, ...]
  parallel: int
  made_of: Mapping[str, Any]
  what: str = 'experts'


class Program(NamedTuple):
  """Several experts at once, each function compiled once."""

  init: Callable[[Array], ExpertState]
  epoch: Callable[[ExpertState, Array, Array, Any], ExpertState]
  flatten: Callable[[ExpertState], Array]


def trajectories(
  buffer: Buffer,
  expert: Expert,
  key: Array,
  images: Array,
  measure: Measure,
  mesh: Mesh,
  *,
  stop: Callable[[], bool] = lambda: False,
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
    stop: asked after each epoch.

  Returns:
    For each expert a read-only memory map `f32[snapshots, p]`; None when
    `stop()` said so, after saving: the same call resumes.

  Raises:
    UserError: when `parallel` cannot be shared by the devices.
  """
  if buffer.parallel % mesh.size:
    raise UserError(
      f'experts.parallel={buffer.parallel} cannot be shared by {mesh.size} '
      f'devices: give a multiple of {mesh.size}'
    )
  made_of = {**buffer.made_of, 'snapshots': buffer.snapshots}
  if _has_statistics(expert):  # buffers had none before
    made_of['batch_statistics'] = True
  name = digest(made_of, (jax.random.key_data(key), images, measure))
  store = Store(buffer.directory / name, len(buffer.snapshots))
  main = meshes.is_main_process()
  if main:
    store.begin(made_of)
  todo = store.missing(buffer.number) if main else []
  absent = np.isin(np.arange(buffer.number), todo)
  missing = np.flatnonzero(meshes.from_main(absent)).tolist()
  size = buffer.parallel
  rounds = [missing[i : i + size] for i in range(0, len(missing), size)]
  if rounds:
    program, epochs = _program(expert, mesh), buffer.snapshots[-1]
    total = len(rounds) * epochs
    label = f'training {buffer.what}'
    with Progress(total, label, unit='epoch') as progress:
      progress.update(0)
      for done, numbers in enumerate(rounds):
        finished = _train(
          store,
          buffer,
          numbers,
          program,
          key,
          (images, measure),
          mesh,
          lambda epoch, done=done: progress.update(done * epochs + epoch),
          stop,
        )
        if not finished:
          return None
    if main:  # What was begun by groups of another size is of no use.
      for left in buffer.scratch.glob(f'{name}-*'):
        shutil.rmtree(left, ignore_errors=True)
    meshes.any_process(False)  # The others are about to read what one wrote.
  return [store.read(number) for number in range(buffer.number)]


def _has_statistics(expert: Expert) -> bool:
  """Whether experts have batch statistics, which snapshots then hold too."""
  state = jax.eval_shape(expert.init, jax.random.key(0))
  return bool(jax.tree.leaves(state.learner.variables['batch_stats']))


def digest(made_of: Mapping[str, Any], arrays: Any) -> str:
  """Names what makes experts: a digest of all of it, 16 hexadecimal digits.

  Args:
    made_of: fields that JSON can hold.
    arrays: a tree of arrays.

  >>> digest({}, np.zeros(2)) == digest({}, np.zeros(3))
  False
  """
  text = json.dumps([SCHEMA, made_of], sort_keys=True, default=str)
  found = hashlib.sha256(text.encode())
  for leaf in jax.tree.leaves(arrays):
    array = np.asarray(leaf)
    found.update(repr((array.shape, array.dtype)).encode())
    # Not `tobytes`: images may be half of the memory there is.
    found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
  return found.hexdigest()[:16]


def _program(expert: Expert, mesh: Mesh) -> Program:
  """Shares experts out to the devices; those of one go as `each` decides."""
  by_expert, whole = PartitionSpec('data'), PartitionSpec()

  def share(fn: Callable, *specs: PartitionSpec) -> Callable:
    if mesh.size > 1:
      fn = jax.shard_map(
        fn, mesh=mesh, in_specs=specs, out_specs=by_expert, check_vma=False
      )
    return jax.jit(fn)

  def init(roots: Array) -> ExpertState:
    return each(lambda key: expert.init(keys.named(key, 'init')), roots)

  def epoch(
    state: ExpertState, roots: Array, number: Array, data: Any
  ) -> ExpertState:
    def one(x: tuple[ExpertState, Array]) -> ExpertState:
      key = jax.random.fold_in(keys.named(x[1], 'epoch'), number)
      return expert.epoch(x[0], key, *data)

    return each(one, (state, roots))

  def flatten(state: ExpertState) -> Array:
    return jax.vmap(networks.flatten)(state.learner.variables)

  return Program(
    share(init, by_expert),
    share(epoch, by_expert, by_expert, whole, whole),
    share(flatten, by_expert),
  )


@stopping.deferred()
def _train(
  store: Store,
  buffer: Buffer,
  numbers: Sequence[int],
  program: Program,
  key: Array,
  data: tuple[Array, Measure],
  mesh: Mesh,
  progress: Callable[[int], None],
  stop: Callable[[], bool],
) -> bool:
  """Trains some experts from where they were left; whether it finished."""
  # A short last round repeats its first expert: there is only one shape.
  padded = [*numbers, *[numbers[0]] * (buffer.parallel - len(numbers))]
  roots = jax.vmap(partial(jax.random.fold_in, key))(jnp.array(padded))
  roots = meshes.replicate(roots, mesh)
  state = program.init(roots)
  sums = np.zeros((len(numbers), len(buffer.snapshots)), np.uint32)
  group = zlib.crc32(repr(numbers).encode())
  folder = buffer.scratch / f'{store.path.name}-{group:08x}'
  drafts = [store.draft(folder, number) for number in numbers]
  main = meshes.is_main_process()
  if main:
    folder.mkdir(parents=True, exist_ok=True)
  found = checkpoint.restore_latest(folder, (state, sums))
  epoch = 0
  if found is not None:
    done, (resumed, kept) = found
    written = sum(e < done for e in buffer.snapshots)
    size = jax.eval_shape(program.flatten, state).shape[1]
    faults = [
      fault_of(draft, own[:written], size)
      for draft, own in zip(drafts, np.asarray(kept), strict=True)
      if main
    ]
    if meshes.from_main(np.array(not any(faults))):
      epoch, state, sums = done, resumed, np.array(kept)
    else:
      logging.warning('%s: trained again', next(filter(None, faults), folder))
  saved = time.monotonic()
  while True:
    if epoch in buffer.snapshots:
      row = buffer.snapshots.index(epoch)
      values = meshes.gather(program.flatten(state))
      for i, draft in enumerate(drafts):
        if main:
          sums[i, row] = write_row(draft, row, values[i])
    if epoch == buffer.snapshots[-1]:
      break
    state = program.epoch(state, roots, jnp.int32(epoch), data)
    jax.block_until_ready(state)
    epoch += 1
    progress(epoch)
    stopped = meshes.any_process(stop())
    late = meshes.any_process(time.monotonic() - saved > SAVE_EVERY)
    if stopped or late:
      checkpoint.save(folder, epoch, (state, meshes.from_main(sums)), keep=1)
      saved = time.monotonic()
    if stopped:
      return False
  if main:
    for number, draft, own in zip(numbers, drafts, sums, strict=True):
      store.add(number, draft, own.tolist())
    shutil.rmtree(folder, ignore_errors=True)
  return True
