"""The objective and the optimiser that a configuration names."""

from __future__ import annotations

import flax.linen as nn
import optax

from rdd_jax import augment, synthetic
from rdd_jax.augment import Augment
from rdd_jax.defaults import Config
from rdd_jax.errors import UserError, choose
from rdd_jax.matching import (
  Inner,
  Objective,
  distribution_matching,
  gradient_matching,
)
from rdd_jax.matching.gradient import DISTANCES
from rdd_jax.synthetic import Synthetic
from rdd_jax.transform import DataSpec

INNER_DATA = {'synthetic': 'synthetic', 'real': 'real'}


def objective(
  config: Config,
  net: nn.Module,
  input_shape: tuple[int, ...],
  spec: DataSpec,
) -> Objective:
  """The matching objective that `objective.name` names."""
  options = config.objective
  sizes = {
    'real_rows': options.real_rows,
    'synthetic_rows': config.synthetic.ipc * config.synthetic.factor**2,
    'augment': dsa(options.augment, options.convention, siamese=True),
  }
  trains_on_real = options.name == 'gradient' and options.inner.data == 'real'
  if len(config.training) and not trains_on_real:
    raise UserError(
      f'config.training has {", ".join(config.training)}, but in this '
      'objective no network trains on real data: use objective.name=gradient '
      'with objective.inner.data=real'
    )

  def distribution() -> Objective:
    return distribution_matching(net, input_shape, spec.num_cells, **sizes)

  def gradient() -> Objective:
    inner = options.inner
    return gradient_matching(
      net,
      input_shape,
      spec.num_classes,
      spec.num_cells,
      inner=Inner(
        optimizer=optax.chain(
          optax.add_decayed_weights(inner.weight_decay),
          optax.sgd(inner.learning_rate, inner.momentum or None),
        ),
        steps=inner.steps,
        batch_size=inner.batch_size,
        data=choose('inner data', inner.data, INNER_DATA),
        augment=dsa(inner.augment, options.convention, siamese=False),
        cutmix=inner.cutmix,
      ),
      outer=options.outer,
      distance=choose('distance', options.distance, DISTANCES),
      **sizes,
    )

  table = {'distribution': distribution, 'gradient': gradient}
  return choose('objective', options.name, table)()


def optimizer(config: Config) -> optax.GradientTransformation:
  """The optimiser of the images, and that of learned labels."""
  options = config.optimizer

  def rule(rate: float) -> optax.GradientTransformation:
    table = {
      'sgd': lambda: optax.sgd(rate, options.momentum or None),
      'adam': lambda: optax.adam(rate),
    }
    return choose('optimizer', options.name, table)()

  images = rule(options.learning_rate)
  if config.synthetic.space == 'pixels':
    images = optax.chain(images, synthetic.keep_within(0, 1))
  if config.synthetic.labels == 'hard':
    return images
  return optax.multi_transform(
    {'images': images, 'logits': rule(options.label_learning_rate)},
    Synthetic(images='images', logits='logits'),  # pyright: ignore
  )


def dsa(families: str, convention: str, *, siamese: bool) -> Augment | None:
  """DSA from the papers' string of families; None where it is empty."""
  if not families:
    return None
  return augment.dsa(
    augment.parse(families),
    siamese=siamese,
    convention=convention,  # pyright: ignore[reportArgumentType]
  )
