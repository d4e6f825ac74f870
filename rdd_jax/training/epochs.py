"""Networks that train on all rows, looked at after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import flax.linen as nn
import jax
from jax import Array
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.measure import Measure
from rdd_jax.core.transform import BoundTransform, EmptyState, identity
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.training.expert import expert
from rdd_jax.training.predict import predict
from rdd_jax.training.recipe import Recipe


def by_epoch(
  net: nn.Module,
  images: Array,
  measure: Measure,
  recipe: Recipe,
  *,
  num_classes: int,
  preprocess: Preprocessing,
) -> Callable[[Array], Iterator[np.ndarray]]:
  """Returns what trains a network and yields what it says of all rows.

  Networks of one call share their compiled programs.

  Args:
    net: the network.
    images: `u8[N, H, W, C]`.
    measure: over the same rows.
    recipe: of `epochs`; `batch_size`, the learning rate and its schedule, the
      optimizer, augmentation and losses are read.
    num_classes: logits of further outputs are left out.
    preprocess: from uint8 images to network inputs.

  Returns:
    From a typed key to logits `f[N, num_classes]`, once after each epoch.
  """
  n = len(images)
  assert recipe.epochs is not None
  size = min(recipe.batch_size or n, n)
  trained = expert(
    net,
    recipe.gradient_transformation(recipe.epochs * (n // size)),
    images.shape[1:],
    num_classes,
    preprocess=preprocess,
    batch_size=size,
    augment=recipe.augment,
    losses=recipe.losses,
    edit=BoundTransform(EmptyState(), identity()),
  )
  init, advance = trained.init, jax.jit(trained.epoch)
  epochs = recipe.epochs

  def course(key: Array) -> Iterator[np.ndarray]:
    state = init(keys.named(key, 'init'))
    for number in range(epochs):
      at = jax.random.fold_in(keys.named(key, 'epoch'), number)
      state = advance(state, at, images, measure)
      stacked = jax.tree.map(lambda leaf: leaf[None], state.learner.variables)
      yield predict(net, stacked, images, preprocess)[0][:, :num_classes]

  return course


def in_epochs(recipe: Recipe, epochs: int) -> Recipe:
  """Returns a recipe of so many epochs, by a falling learning rate.

  >>> in_epochs(Recipe(steps=3), 20).epochs
  20
  """
  return replace(recipe, epochs=epochs, steps=None, schedule='cosine')
