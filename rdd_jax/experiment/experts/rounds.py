"""Trains several experts side by side, and resumes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
import shutil
import time
import zlib

from absl import logging
import jax
from jax import Array
import jax.numpy as jnp
from jax.sharding import Mesh
import numpy as np

from rdd_jax.core.feed import Advance
from rdd_jax.core.measure import Measure
from rdd_jax.core.parts import within
from rdd_jax.core.streamed import Images
from rdd_jax.experiment.experts.programs import Program
from rdd_jax.experiment.experts.store import (
  Buffer,
  Store,
  fault_of,
  mark_of,
  write_row,
)
from rdd_jax.runtime import checkpoint, stopping
from rdd_jax.runtime import distributed as meshes
from rdd_jax.training.expert import ExpertState

SAVE_EVERY = 60.0  # Seconds of training that a kill may cost.
LOOK_EVERY = 0.5  # Seconds between two looks within an epoch, at least.


@stopping.deferred()
def train_round(
  store: Store,
  buffer: Buffer,
  numbers: Sequence[int],
  program: Program,
  steps: int,
  key: Array,
  data: tuple[Images, Measure],
  mesh: Mesh,
  progress: Callable[[int], None],
  stop: Callable[[], bool],
) -> bool:
  """Trains some experts from where they were left.

  Args:
    store: where they go.
    buffer: that they are of.
    numbers: of the experts.
    program: from `program_of`.
    steps: of an epoch.
    key: the root of the randomness of all experts.
    data: images and measure.
    mesh: of the devices.
    progress: called after each epoch.
    stop: asked after each epoch, and within one where it takes several calls.

  Returns:
    Whether they are finished, or else saved.
  """
  # A short last round repeats its first expert: there is only one shape.
  padded = [*numbers, *[numbers[0]] * (buffer.parallel - len(numbers))]
  roots = jax.vmap(partial(jax.random.fold_in, key))(jnp.array(padded))
  roots = meshes.replicate(roots, mesh)
  state = program.init(roots)
  sums = np.zeros((len(numbers), len(buffer.snapshots)), np.uint32)
  group = zlib.crc32(repr((numbers, buffer.parallel)).encode())
  folder = buffer.scratch / f'{store.path.name}-{group:08x}-steps'
  main = meshes.is_main_process()
  mark = mark_of(folder) if main else ''
  drafts = [store.draft(mark, number) for number in numbers]
  found = checkpoint.restore_latest(folder, (state, sums))
  taken = 0  # steps
  if found is not None:
    done, (resumed, kept) = found
    written = sum(e * steps < done for e in buffer.snapshots)
    size = jax.eval_shape(program.flatten, state).shape[1]
    faults = [
      fault_of(draft, own[:written], size)
      for draft, own in zip(drafts, np.asarray(kept), strict=True)
      if main
    ]
    if meshes.from_main(np.array(not any(faults))):
      taken, state, sums = done, resumed, np.array(kept)
    else:
      logging.warning('%s: trained again', next(filter(None, faults), folder))
  saved, looked = time.monotonic(), float('inf')
  timed = program.in_parts and jax.process_count() == 1
  most = 1 if timed else steps  # of a call
  advance: Advance[ExpertState] | None = None
  while True:
    epoch, first = divmod(taken, steps)
    if not first and epoch in buffer.snapshots:
      row = buffer.snapshots.index(epoch)
      values = meshes.gather(program.flatten(state))
      for i, draft in enumerate(drafts):
        if main:
          sums[i, row] = write_row(draft, row, values[i])
    if epoch == buffer.snapshots[-1]:
      break
    last, begin = min(first + most, steps), time.monotonic()
    if advance is None or not first:
      advance = program.of_epoch(roots, epoch, *data)
    state = jax.block_until_ready(advance(state, first, last))
    now = time.monotonic()
    taken += last - first
    if timed:
      most = within(now - begin, last - first)
    if taken % steps == 0:
      progress(taken // steps)
    elif now - looked < LOOK_EVERY:
      looked = min(looked, now)  # the first call is one of compilation
      continue
    looked = now
    stopped = meshes.any_process(stop())
    late = meshes.any_process(now - saved > SAVE_EVERY)
    if stopped or late:
      checkpoint.save(folder, taken, (state, meshes.from_main(sums)), keep=1)
      saved = time.monotonic()
    if stopped:
      return False
  if main:
    for number, draft, own in zip(numbers, drafts, sums, strict=True):
      store.add(number, draft, own.tolist())
    shutil.rmtree(folder, ignore_errors=True)
  return True
