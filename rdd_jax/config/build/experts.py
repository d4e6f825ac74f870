"""The experts that a configuration names, and the buffer that holds them."""

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
  """How experts train; `edits` are both chains that act on real rows."""
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
