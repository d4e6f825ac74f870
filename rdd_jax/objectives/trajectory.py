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
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.transform import Chains, State
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
    """Returns one beyond the last start that `step` may draw.

    >>> Starts(latest=20, opening=10, expansion=1000).end(500)
    15
    """
    if self.opening is None or step >= self.expansion:
      return self.latest
    widened = (self.latest - self.opening) * step // self.expansion
    return min(self.opening + widened, self.latest)

  def draw(
    self, seed: Sequence[int], step: int, experts: Trajectories
  ) -> Segment:
    """Draws the segment of a step: a pure function of seed and step.

    Args:
      seed: numbers that tell runs apart.
      step: of the run.
      experts: their snapshots, flat.
    """
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
  """Returns what is left of the expert's way after a student's training.

  Args:
    net: of the expert and the student.
    inner: how the student trains.
    segment: parameters where it starts, and those that it should reach.
    stats: batch statistics that it starts with.
    synthetic: what it trains on.
    step: of which the key, the student chain and the step size are taken.
    num_classes: cells below it are in-distribution.
    adjoint: how the training is differentiated.

  Returns:
    The squared distance of the student from the target over that of the start
    from the target, `f[]`: 1 for a student that does not move, 0 for one that
    arrives. And its mass, `f[]`: 0 where the expert did not move.

  Source: Cazenavette et al., CVPR 2022, eq. 2.
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
  value = safe_divide(left, whole)
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

  `|w_s(N) - w_e(t + M)|^2 / |w_e(t) - w_e(t + M)|^2`, of a student `w_s` that
  starts where the expert `w_e` was after `t` epochs.

  Which data and which chains the experts were trained on is where robustness
  enters; `feed` draws from their snapshots.

  Args:
    net: of the experts and the student.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    inner: how the student trains on synthetic rows; where a step size is
      learned, the optimizer should have a learning rate of 1.
    starts: which segments are drawn.
    adjoint: how the student's training is differentiated; by default exactly,
      keeping the parameters of each step.

  Returns:
    An objective with a single value.

  Deviations:
    Experts and starting points are drawn independently at each step, where the
    released code goes through shuffled files.

  Source: Cazenavette et al., CVPR 2022, eq. 2 (MTT); Guo et al., ICLR 2024
    (DATM).

  >>> import optax
  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> inner = Inner(optax.sgd(1.0), steps=2, batch_size=4)
  >>> objective = trajectory_matching(
  ...   net, (2, 2, 1), 2, inner=inner, starts=Starts(latest=1, span=1)
  ... )
  >>> expert = np.stack(
  ...   [networks.flatten(networks.init(net, key, (2, 2, 1)))
  ...    for key in jax.random.split(jax.random.key(1))]
  ... )
  >>> segment = objective.feed((0,), 0, [expert])
  >>> trace(objective, 4, (2, 2, 1), 2, feed=segment)[0].shape
  (1,)
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
      (
        unflatten(step.feed.start)['params'],
        unflatten(step.feed.target)['params'],
      ),
      step.state,
      synthetic,
      step,
      num_classes,
      adjoint or checkpointed(),
    )
    return value[None], mass[None], metrics_of(step)

  def advance(synthetic: Batch, step: Step) -> tuple[State, Chains]:
    del synthetic
    return step.state, step.chains

  return Objective(init, losses, advance, starts.draw)


def metrics_of(step: Step) -> dict[str, Array]:
  """Returns the learned step size as a metric, where there is one."""
  return {} if step.step_size is None else {'step_size': step.step_size}
