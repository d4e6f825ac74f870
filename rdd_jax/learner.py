"""One SGD step of a network on a weighted batch, wherever a network trains."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax import networks
from rdd_jax.batch import Batch, training_loss
from rdd_jax.networks import Variables
from rdd_jax.transform import ScoreFn, Scores


class Learner(NamedTuple):
  """A network's variables and the state of its optimiser."""

  variables: Variables
  opt: optax.OptState


def row_losses(logits: Array, targets: Array) -> Array:
  """Cross-entropy `f[n]`; to a uniform target, `logsumexp(z) - mean(z)`."""
  return optax.softmax_cross_entropy(logits, targets)


def scorer(net: nn.Module, variables: Variables) -> ScoreFn:
  """What the network, in evaluation mode, says of rows; no gradient passes."""

  def score(batch: Batch) -> Scores:
    logits, features = networks.apply(net, variables, batch.inputs)
    losses = row_losses(logits, batch.targets)
    return jax.lax.stop_gradient(Scores(losses, features, logits))

  return score


def init(
  net: nn.Module,
  tx: optax.GradientTransformation,
  key: Array,
  input_shape: tuple[int, ...],
) -> Learner:
  """A fresh network for inputs of shape `(height, width, channels)`."""
  variables = networks.init(net, key, input_shape)
  return Learner(variables, tx.init(variables['params']))


def loss(
  net: nn.Module, variables: Variables, batch: Batch, num_classes: int
) -> tuple[Array, Variables]:
  """Weighted cross-entropy in training mode, and the new batch statistics."""
  outputs, variables = networks.apply_training(net, variables, batch.inputs)
  losses = row_losses(outputs.logits, batch.targets)
  return training_loss(losses, batch, num_classes), variables


def gradient(
  net: nn.Module, variables: Variables, batch: Batch, num_classes: int
) -> tuple[Variables, Variables]:
  """The loss's gradient in the parameters, and the new batch statistics."""

  def objective(params: Variables) -> tuple[Array, Variables]:
    return loss(net, {**variables, 'params': params}, batch, num_classes)

  grads, new = jax.grad(objective, has_aux=True)(variables['params'])
  return grads, new['batch_stats']


def update(
  tx: optax.GradientTransformation,
  learner: Learner,
  grads: Variables,
  stats: Variables,
  scale: Array | float = 1.0,
) -> Learner:
  """The step of `tx` from a gradient, times `scale`."""
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
) -> Learner:
  """One step of `tx` on the batch's loss, times `scale`."""
  grads, stats = gradient(net, learner.variables, batch, num_classes)
  return update(tx, learner, grads, stats, scale)


def minibatches(key: Array, n: int, size: int, steps: int) -> Array:
  """Row numbers `i[steps, size]` of epochs in random order.

  Each epoch is its own permutation and drops its incomplete last minibatch.
  Where `size` reaches `n`, every step takes all rows in order.
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
