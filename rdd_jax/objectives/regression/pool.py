"""A pool of networks of all ages that train on the synthetic set.

Zhou, Nezhadarya and Ba, Dataset Distillation using Neural Feature Regression,
NeurIPS 2022, algorithm 1. The pool is one stacked pytree: a step picks, trains
and replaces networks inside jit, and the whole pool is in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Chains
from rdd_jax.objectives.base import Step
from rdd_jax.training import sgd
from rdd_jax.training.inner import Inner, train
from rdd_jax.training.sgd import Learner


class PoolState(NamedTuple):
  """The networks, and which of them is in use.

  Attributes:
    learners: a learner whose leaves are `[k, ...]`.
    ages: `i[k]`, training steps since each was drawn.
    picked: `i[]`.
  """

  learners: Learner
  ages: Array
  picked: Array


class Pool(NamedTuple):
  """Three pure functions.

  Attributes:
    init: `(key) -> PoolState`.
    current: `(state) -> Learner`, the network in use.
    advance: `(synthetic, step: Step) -> (state, chains)`: the
      network in use trains, or, past its lifetime, is drawn anew; another one
      is picked.
  """

  init: Callable[[Array], PoolState]
  current: Callable[[PoolState], Learner]
  advance: Callable[..., tuple[PoolState, Chains]]


def pool(
  net: nn.Module,
  inner: Inner,
  input_shape: tuple[int, ...],
  num_classes: int,
  *,
  size: int,
  lifetime: int,
) -> Pool:
  """Builds a pool of `size` networks that train in turn on the synthetic set.

  Args:
    net: of which kind they are.
    inner: how one trains each time it has been in use.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    size: how many.
    lifetime: training steps after which a network is drawn anew. Ages start
      staggered, so that not all are as old as each other.

  >>> import optax
  >>> from rdd_jax import networks
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> inner = Inner(optax.adam(1e-2), steps=1, batch_size=4)
  >>> made = pool(net, inner, (2, 2, 1), 2, size=3, lifetime=9)
  >>> jax.eval_shape(made.init, jax.random.key(0)).ages.shape
  (3,)
  """

  def fresh(key: Array) -> Learner:
    return sgd.init(net, inner.optimizer, key, input_shape)

  def init(key: Array) -> PoolState:
    each = jax.random.split(keys.named(key, 'networks'), size)
    return PoolState(
      jax.vmap(fresh)(each),
      jnp.arange(size, dtype=jnp.int32) * lifetime // size,
      jnp.zeros([], jnp.int32),
    )

  def current(state: PoolState) -> Learner:
    return jax.tree.map(lambda leaf: leaf[state.picked], state.learners)

  def advance(synthetic: Batch, step: Step) -> tuple[PoolState, Chains]:
    state, key, chains = step.state, step.key, step.chains
    age = state.ages[state.picked] + inner.steps

    def anew() -> tuple[Learner, Array, Any]:
      zero = jnp.zeros([], jnp.int32)
      return fresh(keys.named(key, 'fresh')), zero, chains.student

    def trained() -> tuple[Learner, Array, Any]:
      new, edit = train(
        net,
        inner,
        current(state),
        synthetic,
        num_classes,
        key=keys.named(key, 'train'),
        edit=chains.student,
        synthetic=synthetic,
      )
      return new, age, edit

    new, age, edit = jax.lax.cond(age > lifetime, anew, trained)
    put = state.picked
    state = PoolState(
      jax.tree.map(lambda a, b: a.at[put].set(b), state.learners, new),
      state.ages.at[put].set(age),
      jax.random.randint(keys.named(key, 'pick'), (), 0, size, jnp.int32),
    )
    return state, chains._replace(student=edit)

  return Pool(init, current, advance)
