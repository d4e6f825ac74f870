"""Matching the training trajectories of experts (MTT, FTD, DATM).

Cazenavette et al., Dataset Distillation by Matching Training Trajectories, CVPR
2022, eq. 2: a student starts where an expert was, trains on the synthetic set,
and should end where the expert was a few epochs later. Guo et al., Towards
Lossless Dataset Distillation via Difficulty-Aligned Trajectory Matching, ICLR
2024: which epochs are matched widens as distillation goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Places, State
from rdd_jax.core.unroll import Adjoint, checkpointed
from rdd_jax.networks import Variables
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.training.inner import Inner, train
from rdd_jax.training.sgd import Learner

Trajectories = Sequence[np.ndarray]  # of each expert: f[snapshots, p]


class Segment(NamedTuple):
  """A piece of an expert's way: flat parameters `f[p]` at both ends."""

  start: Array | np.ndarray
  target: Array | np.ndarray


class Starts(NamedTuple):
  """The snapshots at which a segment may start.

  Attributes:
    earliest: the first of them.
    latest: one beyond the last of them.
    opening: `latest` at the first step; None where it does not widen (MTT).
    expansion: the steps over which it widens to `latest` (DATM).
    span: how many snapshots later a segment ends.
  """

  earliest: int = 0
  latest: int = 20
  opening: int | None = None
  expansion: int = 0
  span: int = 2

  def end(self, step: int) -> int:
    """One beyond the last start that `step` may draw."""
    if self.opening is None or step >= self.expansion:
      return self.latest
    widened = (self.latest - self.opening) * step // self.expansion
    return min(self.opening + widened, self.latest)

  def draw(
    self, seed: Sequence[int], step: int, experts: Trajectories
  ) -> Segment:
    """The segment of a step: a pure function of seed and step."""
    rng = np.random.default_rng([*seed, step])
    expert = experts[int(rng.integers(len(experts)))]
    start = int(rng.integers(self.earliest, self.end(step)))
    return Segment(
      np.asarray(expert[start]), np.asarray(expert[start + self.span])
    )


def distance(
  net: nn.Module,
  inner: Inner,
  segment: tuple[Variables, Variables],
  stats: Variables,
  synthetic: Batch,
  step: Step,
  num_classes: int,
  adjoint: Adjoint,
) -> tuple[Array, Array]:
  """What is left of the expert's way after the student's training (MTT, eq. 2).

  Returns:
    The squared distance of the student from the target over that of the start
    from the target, `f[]`: 1 for a student that does not move, 0 for one that
    arrives. And its mass, `f[]`: 0 where the expert did not move.
  """
  start, target = segment
  fresh = Learner(
    {'params': start, 'batch_stats': stats}, inner.optimizer.init(start)
  )
  end, _ = train(
    net,
    inner,
    fresh,
    synthetic,
    num_classes,
    key=step.key,
    edit=step.chains.student,
    synthetic=jax.lax.stop_gradient(synthetic),
    step_size=1.0 if step.step_size is None else step.step_size,
    adjoint=adjoint,
  )
  left = _squared(end.variables['params'], target)
  whole = _squared(start, target)
  moved = whole > 0
  value = jnp.where(moved, left / jnp.where(moved, whole, 1.0), 0.0)
  return value, moved.astype(value.dtype)


def _squared(a: Variables, b: Variables) -> Array:
  gaps = jax.tree.map(lambda x, y: jnp.sum((x - y) ** 2), a, b)
  return jnp.sum(jnp.stack(jax.tree.leaves(gaps)))


def trajectory_matching(
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_classes: int,
  *,
  inner: Inner,
  starts: Starts,
  adjoint: Adjoint | None = None,
) -> Objective:
  """Matches segments of expert trajectories, one a step.

  Which data and which chains the experts were trained on is where robustness
  enters; `feed` draws from their snapshots.

  Args:
    net: of the experts and the student.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    inner: how the student trains on synthetic rows; where a step size is
      learned, the optimiser should have a learning rate of 1.
    starts: which segments are drawn.
    adjoint: how the student's training is differentiated; by default exactly,
      keeping the parameters of each step.

  Returns:
    An objective with a single value.

  Deviations:
    Experts and starting points are drawn independently at each step, where the
    released code goes through shuffled files.
  """
  unflatten = networks.unflatten(net, input_shape)

  def init(key: Array) -> State:
    return networks.init(net, key, input_shape)['batch_stats']

  def losses(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    value, mass = distance(
      net,
      inner,
      (unflatten(step.feed.start), unflatten(step.feed.target)),
      step.state,
      synthetic,
      step,
      num_classes,
      adjoint or checkpointed(),
    )
    return value[None], mass[None], metrics_of(step)

  def advance(synthetic: Batch, step: Step) -> tuple[State, Places]:
    del synthetic
    return step.state, step.chains

  return Objective(init, losses, advance, starts.draw)


def metrics_of(step: Step) -> dict[str, Array]:
  """A learned step size, where there is one."""
  return {} if step.step_size is None else {'step_size': step.step_size}
