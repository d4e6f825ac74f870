"""Trajectory matching without a buffer of experts.

The objective is that of `trajectory`; experts train while they are matched.
"""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Chains, State
from rdd_jax.core.unroll import Adjoint, checkpointed
from rdd_jax.networks import Variables
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.objectives.trajectory import distance, metrics_of
from rdd_jax.training import sgd
from rdd_jax.training.inner import Inner, train
from rdd_jax.training.sgd import Learner


class Pool(NamedTuple):
  """Experts in training, and the segment that one of them just went.

  Attributes:
    experts: stacked, `[k, ...]`.
    ages: `i[k]`, segments since an expert was initialized.
    turn: `i[]`, how many segments there were.
    start: where the last segment began.
    expert: where it ended.
  """

  experts: Learner
  ages: Array
  turn: Array
  start: Variables
  expert: Learner


def online_trajectory_matching(
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_classes: int,
  *,
  inner: Inner,
  expert: Inner,
  experts: int,
  lifetime: int,
  adjoint: Adjoint | None = None,
) -> Objective:
  """Matches the trajectories of experts while they train, without a buffer.

  A pool of experts takes turns. At each step of the distiller one of them goes
  a segment of `expert.steps` on the real rows of the step, edited by the
  `training` chain, and the next step matches it. The first step finds no
  segment, and has mass 0.

  Args:
    net: of the experts and the student.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    inner: how the student trains; see `trajectory_matching`.
    expert: how an expert trains in one segment.
    experts: in the pool; their ages are staggered.
    lifetime: segments after which an expert is initialized again.
    adjoint: see `trajectory_matching`.

  Returns:
    An objective with a single value.

  Deviations:
    Experts are matched while they train, on the rows of the step; MTT's have
    been trained before.

  Source: Cazenavette et al., CVPR 2022, eq. 2.

  >>> import optax
  >>> from rdd_jax import networks
  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> inner = Inner(optax.sgd(0.1), steps=2, batch_size=4)
  >>> objective = online_trajectory_matching(
  ...   net, (2, 2, 1), 2, inner=inner, expert=inner, experts=2, lifetime=3
  ... )
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (1,)
  """

  def fresh(key: Array) -> Learner:
    return sgd.init(net, expert.optimizer, key, input_shape)

  def init(key: Array) -> State:
    pool = jax.vmap(fresh)(jax.random.split(key, experts))
    first = jax.tree.map(lambda leaf: leaf[0], pool)
    return Pool(
      experts=pool,
      ages=jnp.arange(experts) * lifetime // experts,
      turn=jnp.zeros([], jnp.int32),
      start=first.variables['params'],
      expert=first,
    )

  def losses(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    state: Pool = step.state
    value, mass = distance(
      net,
      inner,
      (state.start, state.expert.variables['params']),
      state.expert.variables['batch_stats'],
      synthetic,
      step,
      num_classes,
      adjoint or checkpointed(),
    )
    return value[None], mass[None], metrics_of(step)

  def advance(synthetic: Batch, step: Step) -> tuple[State, Chains]:
    state: Pool = step.state
    i = state.turn % experts
    current = jax.lax.cond(
      state.ages[i] >= lifetime,
      lambda: fresh(keys.named(step.key, 'fresh')),
      lambda: jax.tree.map(lambda leaf: leaf[i], state.experts),
    )
    trained, edit = train(
      net,
      expert,
      current,
      step.real,
      num_classes,
      key=keys.named(step.key, 'expert'),
      edit=step.chains.training,
      synthetic=synthetic,
      look=step.look,
    )
    new = Pool(
      experts=jax.tree.map(
        lambda leaf, value: leaf.at[i].set(value), state.experts, trained
      ),
      ages=state.ages.at[i].set(state.ages[i] % lifetime + 1),
      turn=state.turn + 1,
      start=current.variables['params'],
      expert=trained,
    )
    return new, step.chains._replace(training=edit)

  return Objective(init, losses, advance, in_parts=True)
