"""One SGD step of a network on a weighted batch, wherever a network trains."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax import networks
from rdd_jax.core.batch import Batch, inside_mass, training_loss
from rdd_jax.core.losses import RowLosses, cross_entropy
from rdd_jax.core.sharding import sum_in_blocks
from rdd_jax.core.transform import ScoreFn, Scores
from rdd_jax.core.unroll import keep
from rdd_jax.networks import Variables


class Learner(NamedTuple):
  """Holds a network's variables and the state of its optimizer."""

  variables: Variables
  opt: optax.OptState


def scorer(net: nn.Module, variables: Variables) -> ScoreFn:
  """Returns a function that scores rows in evaluation mode, without gradients.

  Args:
    net: the network.
    variables: its parameters and batch statistics.
  """

  def score(batch: Batch) -> Scores:
    logits, features = networks.apply(net, variables, batch.inputs)
    losses = cross_entropy(logits, batch, batch.targets.shape[1])
    return jax.lax.stop_gradient(Scores(losses, features, logits))

  return score


def init(
  net: nn.Module,
  tx: optax.GradientTransformation,
  key: Array,
  input_shape: tuple[int, ...],
) -> Learner:
  """Draws a fresh network and the state of its optimizer.

  Args:
    net: the network.
    tx: its optimizer.
    key: a random key.
    input_shape: `(height, width, channels)`.
  """
  variables = networks.init(net, key, input_shape)
  return Learner(variables, tx.init(variables['params']))


def loss(
  net: nn.Module,
  variables: Variables,
  batch: Batch,
  num_classes: int,
  mass: Array | None = None,
  losses: RowLosses = cross_entropy,
) -> tuple[Array, Variables]:
  """Computes the weighted loss in training mode.

  Args:
    net: the network.
    variables: its parameters and batch statistics.
    batch: `n` rows.
    num_classes: cells below it are in-distribution.
    mass: `f[]`, of the batch that `batch` is a part of; None for its own.
    losses: of rows, `f[n]`.

  Returns:
    The loss `f[]`, and the variables with new batch statistics.
  """
  outputs, variables = networks.apply_training(net, variables, batch.inputs)
  rows = losses(outputs.logits, batch, num_classes)
  return training_loss(rows, batch, num_classes, mass), variables


def gradient(
  net: nn.Module,
  variables: Variables,
  batch: Batch,
  num_classes: int,
  losses: RowLosses = cross_entropy,
) -> tuple[Variables, Variables]:
  """Computes the gradient of the weighted loss in the parameters.

  On a CPU, rows are taken in blocks whose activations fit its cache, unless
  the network has batch statistics or the rows are shared out to devices.

  Args:
    net: the network.
    variables: its parameters and batch statistics.
    batch: `n` rows.
    num_classes: cells below it are in-distribution.
    losses: of rows, `f[n]`.

  Returns:
    The gradient, and the new batch statistics.
  """
  mass = inside_mass(batch, num_classes)

  def of_rows(rows: Batch) -> tuple[Variables, Variables]:
    def objective(params: Variables) -> tuple[Array, Variables]:
      given = {**variables, 'params': params}
      return loss(net, given, rows, num_classes, mass, losses)

    grads, new = jax.grad(objective, has_aux=True)(variables['params'])
    return grads, new['batch_stats']

  size = networks.block_size(variables, batch.inputs, training=True)
  grads, stats = sum_in_blocks(of_rows, batch, size)
  return keep(grads), stats


def update(
  tx: optax.GradientTransformation,
  learner: Learner,
  grads: Variables,
  stats: Variables,
  scale: Array | float = 1.0,
) -> Learner:
  """Applies a gradient: one step of `tx`, times `scale`.

  Args:
    tx: the optimizer.
    learner: before the step.
    grads: in the parameters.
    stats: the new batch statistics.
    scale: of the step, beside the optimizer's learning rate.
  """
  params = learner.variables['params']
  updates, opt = tx.update(grads, learner.opt, params)
  scaled = jax.tree.map(lambda u: scale * u, updates)
  params = optax.apply_updates(params, scaled)
  return Learner({'params': params, 'batch_stats': stats}, opt)


def step(
  net: nn.Module,
  tx: optax.GradientTransformation,
  learner: Learner,
  batch: Batch,
  num_classes: int,
  scale: Array | float = 1.0,
  losses: RowLosses = cross_entropy,
) -> Learner:
  """Takes one step of `tx` on the batch's loss.

  Args:
    net: the network.
    tx: its optimizer.
    learner: before the step.
    batch: `n` rows.
    num_classes: cells below it are in-distribution.
    scale: of the step, beside the optimizer's learning rate.
    losses: of rows, `f[n]`.
  """
  grads, stats = gradient(net, learner.variables, batch, num_classes, losses)
  return update(tx, learner, grads, stats, scale)


def minibatches(key: Array, n: int, size: int, steps: int) -> Array:
  """Draws row numbers of minibatches, of epochs in random order.

  Each epoch is its own permutation and drops its incomplete last minibatch.
  Where `size` reaches `n`, every step takes all rows in order.

  Args:
    key: a random key.
    n: the number of rows.
    size: of a minibatch.
    steps: the number of minibatches.

  Returns:
    `i[steps, min(size, n)]`.
  """
  if size >= n:
    return jnp.broadcast_to(jnp.arange(n), (steps, n))
  per_epoch = n // size
  epochs = -(-steps // per_epoch)
  orders = jax.vmap(lambda k: jax.random.permutation(k, n))(
    jax.random.split(key, epochs)
  )
  rows = orders[:, : per_epoch * size].reshape(-1, size)
  return rows[:steps]
