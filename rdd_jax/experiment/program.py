"""The one program of a run: several steps, compiled once for its shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
import numpy as np

from rdd_jax.config.build.experiment import Experiment
from rdd_jax.config.defaults import Config
from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, Look
from rdd_jax.core.counted import counted_scan
from rdd_jax.core.measure import Measure
from rdd_jax.core.sharding import constrain
from rdd_jax.core.streamed import Images, Streamed
from rdd_jax.distill import DistillState
from rdd_jax.objectives.trajectory import Trajectories
from rdd_jax.runtime import distributed as meshes

Call = Callable[..., tuple[DistillState, dict[str, Array]]]


class Compiled(NamedTuple):
  """The program of a run, one unless labels become soft on the way.

  Attributes:
    call: `(state, images, feeds, count)`, several steps; donates the state.
    counted: whether it takes `count` steps, or all that it was compiled for.
    state_bytes: of the state and the training set.
    work_bytes: of everything else that a call holds at once.
    structure: of the state.
  """

  call: Call
  counted: bool
  state_bytes: int
  work_bytes: int
  structure: Any

  def fits(self, state: DistillState) -> bool:
    """Tells whether a state is such as it was compiled for."""
    return self.structure == jax.tree.structure(state)


def make_call(
  experiment: Experiment, steps: int, *, counted: bool = False
) -> Call:
  """Returns a pure function of several steps, which draws their real rows.

  Args:
    experiment: what is run.
    steps: in one call.
    counted: it takes as many of them as it is told to, `count`, by one program:
      it computes the same however they are parted into calls.

  Returns:
    `(state, images, feeds, count)` to the next state and metrics `[steps]`, of
    which `count` are filled; `feeds` are stacked, or None where steps are fed
    nothing.
  """

  def step(
    state: DistillState, images: Array, feed: Any
  ) -> tuple[DistillState, dict[str, Array]]:
    real = constrain(_drawn(experiment, state.key, state.measure, state.step))

    def fetch(images: Images, rows: Batch) -> Batch:
      return constrain(experiment.look(images, rows))

    return experiment.distiller.update(state, real, feed, Look(images, fetch))

  def call(
    state: DistillState,
    images: Array,
    feeds: Any = None,
    count: Array | int = steps,
  ) -> tuple[DistillState, dict[str, Array]]:
    if steps == 1:  # no loop: on CPU, convolutions are fastest outside of one
      feed = jax.tree.map(lambda x: x[0], feeds)
      state, metrics = step(state, images, feed)
      return state, jax.tree.map(lambda x: x[None], metrics)

    def one(state: DistillState, feed: Any) -> Any:
      return step(state, images, feed)

    return (
      counted_scan(one, state, feeds, steps, count)
      if counted
      else (jax.lax.scan(one, state, feeds, steps))
    )

  return call


def reading_ahead(
  experiment: Experiment, images: Images, steps: int
) -> Callable[[DistillState], None]:
  """Returns what tells a stream which rows the next steps of a state draw.

  Args:
    experiment: what is run.
    images: in memory, which need not be told, or a stream.
    steps: of a call; it is told of the next one as well, for its first reads.
  """
  if not isinstance(images, Streamed):
    return lambda state: None

  @jax.jit
  def order(state: DistillState) -> Array:
    def rows(step: Array) -> Array:
      return _drawn(experiment, state.key, state.measure, step).inputs

    return jax.lax.map(rows, state.step + jnp.arange(2 * steps))

  return lambda state: images.expect(np.asarray(order(state)))


def _drawn(
  experiment: Experiment, key: Array, measure: Measure, step: Array
) -> Batch:
  """The real rows of a step, of a run's key."""
  own = jax.random.fold_in(keys.named(key, 'draw'), step)
  return experiment.draw(own, measure)


def feeds(
  experiment: Experiment,
  state: DistillState,
  step: int,
  count: int,
  trajectories: Trajectories | None,
) -> Any:
  """Returns what some steps are fed, stacked; None where nothing is.

  Args:
    experiment: what is run.
    state: whose key seeds the draws.
    step: the first step.
    count: the number of steps.
    trajectories: of experts, where they are matched.
  """
  if experiment.feed is None:
    return None
  seed = np.asarray(jax.random.key_data(state.key)).tolist()
  rows = [experiment.feed(seed, step + i, trajectories) for i in range(count)]
  return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def filled(fed: Any, size: int) -> Any:
  """Repeats the last of what some steps are fed until there are `size`.

  >>> filled(np.array([1, 2]), 4).tolist()
  [1, 2, 2, 2]
  """

  def fill(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, np.repeat(x[-1:], size - len(x), 0)])

  return jax.tree.map(fill, fed)


def compile_call(
  experiment: Experiment,
  config: Config,
  state: DistillState,
  images: Array,
  mesh: Mesh,
  trajectories: Trajectories | None = None,
) -> Compiled:
  """Compiles `make_call` for the shapes and the mesh of a run.

  Args:
    experiment: what is run.
    config: of which `steps_per_call` is read.
    state: replicated over the mesh.
    images: `u8[N, H, W, C]`, likewise.
    mesh: of the devices.
    trajectories: of experts, where they are matched.
  """
  whole = NamedSharding(mesh, PartitionSpec())
  size = config.steps_per_call
  # Elsewhere steps are short, and a count would be waited for in each of them.
  counted = size > 1 and jax.default_backend() == 'cpu'
  call = jax.jit(
    make_call(experiment, size, counted=counted),
    donate_argnums=0,
    out_shardings=whole,
  )
  first = feeds(experiment, state, 0, size, trajectories)
  fed = meshes.replicate(first, mesh)
  count = meshes.replicate(np.int32(size), mesh)
  compiled = call.lower(state, images, fed, count).compile()
  memory = compiled.memory_analysis()
  return Compiled(
    compiled,
    counted,
    memory.argument_size_in_bytes if memory else 0,
    memory.temp_size_in_bytes if memory else 0,
    jax.tree.structure(state),
  )
