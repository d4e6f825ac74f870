"""Builds the experts of a configuration."""

from __future__ import annotations

import flax.linen as nn

from rdd_jax.config.build.objectives import dsa, row_losses
from rdd_jax.config.build.optimizers import expert_optimizer
from rdd_jax.config.defaults import Config
from rdd_jax.core.transform import BoundTransform, DataSpec, Transform
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.training.expert import Expert, expert


def build(
  config: Config,
  net: nn.Module,
  input_shape: tuple[int, ...],
  spec: DataSpec,
  preprocess: Preprocessing,
  edits: Transform,
) -> Expert:
  """Builds the training of experts that a configuration describes.

  Args:
    config: of which `experts` is read, `objective.convention` for augmentation,
      and `evaluation` for the loss.
    net: the network that experts train.
    input_shape: of its images, `(height, width, channels)`.
    spec: the sizes.
    preprocess: from uint8 images to network inputs.
    edits: both chains that act on real images, as one.

  Raises:
    UserError: for an unknown loss or augmentation, or an energy margin with
      another loss than cross-entropy.
  """
  options = config.experts
  return expert(
    net,
    expert_optimizer(config),
    input_shape,
    spec.num_classes,
    preprocess=preprocess,
    batch_size=options.batch_size,
    steps=options.epoch_steps,
    augment=dsa(options.augment, config.objective.convention, siamese=False),
    radius=options.radius,
    alpha=options.alpha,
    losses=row_losses(config),
    edit=BoundTransform(edits.init(spec), edits),
  )
