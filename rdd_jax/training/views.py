"""What a network sees of its rows in each step: shuffled, augmented, mixed."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, take, with_inputs
from rdd_jax.images.mixup import mix
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.training.recipe import Recipe


def minibatches(batch: Batch, recipe: Recipe) -> int:
  """Counts the minibatches of an epoch."""
  n = batch.targets.shape[0]
  return math.ceil(n / (recipe.batch_size or n))


class Views(NamedTuple):
  """Makes the minibatches of a training, a function of key and step alone.

  Attributes:
    batch: `n` rows.
    recipe: of which the size of a minibatch, `augment` and what mixes are read.
    preprocess: applied to the rows of each minibatch; None for rows that are
      already what the network takes.
    key: of the order of rows, of augmentation and of mixing.
  """

  batch: Batch
  recipe: Recipe
  preprocess: Preprocessing | None
  key: Array

  @property
  def parts(self) -> int:
    """Returns the minibatches of an epoch."""
    return minibatches(self.batch, self.recipe)

  @property
  def size(self) -> int:
    """Returns the rows of a minibatch."""
    return math.ceil(self.batch.targets.shape[0] / self.parts)

  def order(self, epoch: Array | int) -> Array:
    """Returns the order `i[n]` of the rows in an epoch."""
    n = self.batch.targets.shape[0]
    if self.parts == 1:
      return jnp.arange(n)
    epoch_key = jax.random.fold_in(keys.named(self.key, 'order'), epoch)
    return jax.random.permutation(epoch_key, n)

  def at(self, order: Array, t: Array | int) -> Batch:
    """Returns the minibatch of a step, with its targets mixed as its inputs.

    Args:
      order: of the epoch that the step is of.
      t: the step, from 0.
    """
    n, rows = self.batch.targets.shape[0], self.batch
    if self.parts > 1:
      # The last minibatch of an epoch is filled up from the first.
      first = t % self.parts * self.size
      rows = take(rows, order[(first + jnp.arange(self.size)) % n])
    recipe, preprocess = self.recipe, self.preprocess
    key = jax.random.fold_in(keys.named(self.key, 'step'), t)
    inputs = rows.inputs if preprocess is None else preprocess(rows.inputs)
    if recipe.augment is not None:
      inputs = recipe.augment(keys.named(key, 'augment'), inputs)
    return mix(
      key,
      with_inputs(rows, inputs),
      recipe.cutmix,
      recipe.mixup,
      recipe.mixup_alpha,
    )

  def digest(self) -> Array:
    """Returns the mean input of each row of the first step, `f[rows]`.

    Other draws, or another way to augment or to mix, give another one.
    """
    inputs = self.at(self.order(0), 0).inputs
    return inputs.reshape(len(inputs), -1).mean(1)
