"""Builds how networks are trained, to judge a set or all of the data."""

from __future__ import annotations

from dataclasses import replace

from rdd_jax.config.build.training import dsa, row_losses
from rdd_jax.config.defaults import Config
from rdd_jax.training.recipe import Recipe


def evaluation(config: Config) -> Recipe:
  """Returns how networks are trained on a small set."""
  options = config.evaluation
  return Recipe(
    epochs=options.epochs,
    batch_size=options.batch_size,
    learning_rate=options.learning_rate,
    schedule=options.schedule,
    optimizer=options.optimizer,
    momentum=options.momentum,
    weight_decay=options.weight_decay,
    augment=dsa(options.augment, options.convention, siamese=False),
    cutmix=options.cutmix,
    mixup=options.mixup,
    mixup_alpha=options.mixup_alpha,
    ema=options.ema or None,
    losses=row_losses(config),
  )


def whole(config: Config) -> Recipe | None:
  """Returns how a network is trained on the full training set, if one is."""
  steps = config.whole.steps
  return replace(scoring(config), steps=steps) if steps else None


def scoring(config: Config) -> Recipe:
  """Returns how networks are trained whose rows are scored, of one step.

  As those of `whole`, which a configuration may leave out.
  """
  options = config.whole
  return Recipe(
    steps=1,
    batch_size=options.batch_size,
    learning_rate=options.learning_rate,
    schedule='cosine',
    augment=dsa(options.augment, 'one', siamese=False),
  )
