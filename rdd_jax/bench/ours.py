"""Our side of the benchmark, through the public functions of the library."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
from typing import Any

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import learner, networks
from rdd_jax.batch import NOWHERE, Batch
from rdd_jax.bench.setting import Program, Setting
from rdd_jax.evaluation.recipe import Recipe
from rdd_jax.evaluation.training import fit_many
from rdd_jax.matching.distribution import distribution_matching
from rdd_jax.matching.gradient import gradient_matching
from rdd_jax.matching.inner import Inner
from rdd_jax.matching.objective import Objective
from rdd_jax.transform import Edit, EmptyState, Places, identity


def compiled(function: Callable[..., Any], *args: Any) -> Program:
  """`function(*args)` as a program, with the bytes that its compiler plans."""
  call = jax.jit(function).lower(*args).compile()
  memory = call.memory_analysis()
  planned = memory and (
    memory.argument_size_in_bytes + memory.temp_size_in_bytes
  )
  return Program(lambda: jax.block_until_ready(call(*args)), planned)


def rows(images: Array | np.ndarray) -> Batch:
  """A batch of the images `f[k, n, H, W, C]` of `k` classes."""
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
  """The network of every measurement."""
  return networks.build('convnet', s.classes, width=s.width, depth=s.depth)


def sgd() -> optax.GradientTransformation:
  """The optimiser of every network; decay is added to the gradient."""
  return optax.chain(
    optax.add_decayed_weights(5e-4), optax.sgd(0.01, momentum=0.9)
  )


def training_step(s: Setting) -> Program:
  """One SGD step on `s.batch` images."""
  net, tx = convnet(s), sgd()
  labels = jnp.arange(s.batch) % s.classes
  batch = dataclasses.replace(
    rows(s.images(1, s.batch)),
    targets=jax.nn.one_hot(labels, s.classes),
    cells=labels,
  )
  return compiled(
    lambda state, batch: learner.step(net, tx, state, batch, s.classes),
    learner.init(net, tx, jax.random.key(0), s.shape),
    batch,
  )


def matching_step(s: Setting, objective: Objective) -> Program:
  """The values of an objective, and the gradient of the synthetic images."""
  still = Edit(EmptyState(), identity())

  def step(images: Array, real: Batch, state: Any) -> tuple[Array, Array]:
    def loss(images: Array) -> tuple[Array, Array]:
      values, _, _ = objective.losses(
        rows(images),
        real,
        state,
        None,
        key=jax.random.key(0),
        places=Places(still, still),
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
  """One DC matching over all classes."""
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
  """One DM matching over all classes."""
  objective = distribution_matching(
    convnet(s),
    s.shape,
    s.classes,
    real_rows=s.real,
    synthetic_rows=s.ipc,
  )
  return matching_step(s, objective)


def evaluation(s: Setting) -> Program:
  """Networks trained from scratch on the synthetic set, over seeds."""
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


PROGRAMS: dict[str, Callable[[Setting], Program]] = {
  'training': training_step,
  'gradient': gradient_step,
  'distribution': distribution_step,
  'evaluation': evaluation,
}
