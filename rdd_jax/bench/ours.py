"""Builds the library's side of the benchmark, from its public functions."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.bench.setting import UNROLLS, Program, Setting
from rdd_jax.core.batch import NOWHERE, Batch
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.sharding import each
from rdd_jax.core.transform import BoundTransform, EmptyState, identity
from rdd_jax.core.unroll import Adjoint, backprop, checkpointed, tesla
from rdd_jax.images.preprocessing import standardize
from rdd_jax.networks import Variables
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.objectives.distribution import distribution_matching
from rdd_jax.objectives.gradient import gradient_matching
from rdd_jax.training import sgd as training_sgd
from rdd_jax.training.expert import ExpertState, expert
from rdd_jax.training.fit import fit_many
from rdd_jax.training.inner import Inner, train
from rdd_jax.training.recipe import Recipe

STILL = BoundTransform(EmptyState(), identity())


def compiled(function: Callable[..., Any], *args: Any) -> Program:
  """Compiles `function(*args)`, with the bytes that its compiler plans.

  Args:
    function: traceable by `jax.jit`.
    *args: pytrees of arrays, which every run of the program gets.
  """
  call = jax.jit(function).lower(*args).compile()
  memory = call.memory_analysis()
  planned = memory and (
    memory.argument_size_in_bytes + memory.temp_size_in_bytes
  )
  return Program(lambda: jax.block_until_ready(call(*args)), planned)


def rows(images: Array | np.ndarray) -> Batch:
  """Builds a batch of images that are grouped by class.

  Args:
    images: `f[k, n, H, W, C]`, `n` images of each of `k` classes.

  Returns:
    A batch of `k n` rows of weight 1, with one-hot targets `f[k n, k]`.
  """
  k, n = images.shape[:2]
  cells = jnp.repeat(jnp.arange(k), n)
  nowhere = jnp.full(k * n, NOWHERE)
  return Batch(
    inputs=jnp.reshape(images, (k * n, *images.shape[2:])),
    targets=jax.nn.one_hot(cells, k),
    weights=jnp.ones(k * n),
    cells=cells,
    groups=nowhere,
    index=nowhere,
  )


def convnet(s: Setting) -> nn.Module:
  """Builds the ConvNet that all computations share."""
  return networks.build('convnet', s.classes, width=s.width, depth=s.depth)


def sgd() -> optax.GradientTransformation:
  """Builds the optimizer of all networks: SGD with momentum and L2 decay."""
  return optax.chain(
    optax.add_decayed_weights(5e-4), optax.sgd(0.01, momentum=0.9)
  )


def training_step(s: Setting) -> Program:
  """Builds one SGD step on `s.batch` images."""
  net, tx = convnet(s), sgd()
  labels = jnp.arange(s.batch) % s.classes
  batch = dataclasses.replace(
    rows(s.images(1, s.batch)),
    targets=jax.nn.one_hot(labels, s.classes),
    cells=labels,
  )
  return compiled(
    lambda state, batch: training_sgd.step(net, tx, state, batch, s.classes),
    training_sgd.init(net, tx, jax.random.key(0), s.shape),
    batch,
  )


def matching_step(s: Setting, objective: Objective) -> Program:
  """Builds an objective's gradient in the synthetic images.

  Args:
    s: the sizes.
    objective: with a cell for each class.

  Returns:
    A program that computes the gradient `f[classes, ipc, H, W, C]` of the sum
    of the losses, and the losses `f[classes]`.
  """

  def step(images: Array, real: Batch, state: Any) -> tuple[Array, Array]:
    def loss(images: Array) -> tuple[Array, Array]:
      values, _, _ = objective.losses(
        rows(images), Step(real, state, jax.random.key(0))
      )
      return values.sum(), values

    return jax.grad(loss, has_aux=True)(images)

  return compiled(
    step,
    jnp.asarray(s.images(s.classes, s.ipc)),
    rows(s.images(s.classes, s.real)),
    objective.init(jax.random.key(0)),
  )


def gradient_step(s: Setting) -> Program:
  """Builds one step of gradient matching (DC) over all classes."""
  objective = gradient_matching(
    convnet(s),
    s.shape,
    s.classes,
    s.classes,
    real_rows=s.real,
    synthetic_rows=s.ipc,
    inner=Inner(sgd(), steps=1, batch_size=s.batch),
    outer=1,
  )
  return matching_step(s, objective)


def distribution_step(s: Setting) -> Program:
  """Builds one step of distribution matching (DM) over all classes."""
  objective = distribution_matching(
    convnet(s),
    s.shape,
    s.classes,
    real_rows=s.real,
    synthetic_rows=s.ipc,
  )
  return matching_step(s, objective)


def evaluation(s: Setting) -> Program:
  """Builds the training of `s.seeds` networks on the synthetic set."""
  net, recipe = convnet(s), Recipe(steps=s.steps)

  def fit(batch: Batch, seeds: Array) -> Any:
    return fit_many(
      net,
      batch,
      recipe,
      num_classes=s.classes,
      input_shape=s.shape,
      seeds=seeds,
    )

  seeds = jax.random.split(jax.random.key(0), s.seeds)
  return compiled(fit, rows(s.images(s.classes, s.ipc)), seeds)


def distance_travelled(
  images: Array,
  step_size: Array,
  start: Variables,
  *,
  net: nn.Module,
  steps: int,
  adjoint: Adjoint | None = None,
) -> Array:
  """Returns how far SGD on the synthetic set moves a student, squared.

  `|theta_T - theta_0|^2`, with `theta_t+1 = theta_t - a grad L(theta_t)` on all
  images in each step.

  Args:
    images: `f[k, n, H, W, C]`, `n` images of each of `k` classes.
    step_size: `f[]`, `a`.
    start: the student's variables; its parameters are `theta_0`.
    net: the student.
    steps: `T`.
    adjoint: how the steps are differentiated; None is `checkpointed()`.

  Returns:
    `f[]`.
  """
  batch, tx = rows(images), optax.sgd(1.0)
  end, _ = train(
    net,
    Inner(tx, steps, batch_size=batch.inputs.shape[0]),
    training_sgd.Learner(start, tx.init(start['params'])),
    batch,
    images.shape[0],
    key=jax.random.key(0),
    edit=STILL,
    synthetic=batch,
    step_size=step_size,
    adjoint=adjoint or checkpointed(),
  )
  way = optax.tree.sub(end.variables['params'], start['params'])
  return optax.tree.norm(way, squared=True)


def unrolled_gradient(
  s: Setting, *, steps: int, adjoint: Adjoint | None = None
) -> Program:
  """Builds `distance_travelled` and its gradients in images and step size.

  Args:
    s: the sizes.
    steps: SGD steps of the student.
    adjoint: how they are differentiated; None is `checkpointed()`.
  """
  net = convnet(s)
  distance = partial(distance_travelled, net=net, steps=steps, adjoint=adjoint)
  return compiled(
    jax.value_and_grad(distance, argnums=(0, 1)),
    jnp.asarray(s.images(s.classes, s.ipc)),
    jnp.asarray(0.01),
    networks.init(net, jax.random.key(0), s.shape),
  )


def experts(s: Setting, *, parallel: bool | None = None) -> Program:
  """Builds the training of `s.experts` experts on real images.

  Args:
    s: the sizes; each expert takes `s.steps` SGD steps on minibatches.
    parallel: True trains them side by side (`vmap`), False one after another;
      None trains them side by side except on CPUs.
  """
  one = expert(
    convnet(s),
    optax.sgd(0.01),
    s.shape,
    s.classes,
    preprocess=standardize([0] * s.channels, [1] * s.channels),
    batch_size=s.batch,
    steps=s.steps,
    edit=STILL,
  )

  def epoch(
    states: ExpertState, roots: Array, images: Array, measure: Measure
  ) -> ExpertState:
    def advance(x: tuple[ExpertState, Array]) -> ExpertState:
      return one.epoch(*x, images, measure)

    return each(advance, (states, roots), parallel)

  roots = jax.random.split(jax.random.key(0), s.experts)
  images, labels = s.data()
  return compiled(
    epoch,
    jax.vmap(one.init)(roots),
    roots,
    jnp.asarray(images),
    empirical(labels, s.classes),
  )


PROGRAMS: dict[str, Callable[[Setting], Program]] = {
  'training': training_step,
  'gradient': gradient_step,
  'distribution': distribution_step,
  'evaluation': evaluation,
  'experts': experts,
  'experts_vmap': partial(experts, parallel=True),
  **{f'unroll_{n}': partial(unrolled_gradient, steps=n) for n in UNROLLS},
  **{
    f'unroll_30_{how}': partial(unrolled_gradient, steps=30, adjoint=adjoint)
    for how, adjoint in (
      ('backprop', backprop()),
      ('nested', checkpointed(None)),
      ('tesla', tesla()),
    )
  },
}
