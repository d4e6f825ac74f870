"""Builds the optimizers of the synthetic set and of experts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rdd_jax.core.errors import UserError, choose

if TYPE_CHECKING:
  import numpy as np
  import optax

  from rdd_jax.config.defaults import Config


def expert_optimizer(
  config: Config, steps: int = 0
) -> optax.GradientTransformation:
  """Builds the optimizer of experts: SGD with momentum and L2 decay.

  Args:
    config: of which `experts` is read.
    steps: of an expert's life, over which a cosine falls; 0 is not known.

  Raises:
    UserError: for an unknown schedule, or a cosine without an end.
  """
  import optax

  options = config.experts
  schedules: dict[str, None] = dict.fromkeys(('constant', 'cosine'))
  choose('schedule of experts', options.schedule, schedules)
  rate: float | optax.Schedule = options.learning_rate
  if options.schedule == 'cosine':
    if not steps:
      raise UserError(
        'experts.schedule=cosine needs an end: experts that train while they '
        'are matched have none, set experts.schedule=constant'
      )
    rate = optax.cosine_decay_schedule(options.learning_rate, steps)
  return optax.chain(
    optax.add_decayed_weights(options.weight_decay),
    optax.sgd(rate, options.momentum or None),
  )


def rule(
  name: str,
  rate: float | optax.Schedule,
  momentum: float,
  betas: Sequence[float] = (0.9, 0.999),
) -> optax.GradientTransformation:
  """Builds an optimizer by name.

  Args:
    name: 'sgd', 'adabelief', 'lamb' or 'adam'.
    rate: the learning rate, or its schedule by step.
    momentum: of SGD, 0 is none; the others ignore it.
    betas: of Adam, of its first and second moments.

  Raises:
    UserError: for an unknown name.

  >>> sgd = rule('sgd', 0.5, momentum=0.0)
  >>> updates, _ = sgd.update(1.0, sgd.init(0.0))
  >>> float(updates)
  -0.5
  """
  import optax

  table = {
    'sgd': lambda: optax.sgd(rate, momentum or None),
    'adabelief': lambda: optax.adabelief(rate),
    'lamb': lambda: optax.lamb(rate),
    # sqrt has no derivative at zero, where a dead unit's second moment is, and
    # a student's Adam is differentiated.
    'adam': lambda: optax.adam(rate, *betas, eps_root=1e-12),
  }
  return choose('optimizer', name, table)()


def optimizer(
  config: Config, cells: np.ndarray, num_classes: int
) -> optax.GradientTransformation:
  """Builds the optimizer of all that is learned: images, labels, step size.

  Args:
    config: of which `optimizer`, `synthetic` and `steps` are read.
    cells: `i[n]`, of the stored images.
    num_classes: cells from here on are outliers, which are held fixed if
      `synthetic.still_outliers` is set.

  Raises:
    UserError: for an unknown optimizer.
  """
  import jax.numpy as jnp
  import optax

  from rdd_jax.synthetic import optimizers
  from rdd_jax.synthetic.view import Synthetic

  options, chosen = config.optimizer, config.synthetic

  def falling(rate: float, momentum: float) -> optax.GradientTransformation:
    if options.decay == 1:
      return rule(options.name, rate, momentum, options.betas)
    falls = optax.cosine_decay_schedule(rate, config.steps, options.decay)
    return rule(options.name, falls, momentum, options.betas)

  images = falling(options.learning_rate, options.momentum)
  if chosen.space == 'pixels':
    images = optax.chain(images, optimizers.keep_within(0, 1))
  soft = chosen.labels in ('soft', 'free')  # a teacher's are not learned
  learned = bool(chosen.step_size)
  scaled, new = bool(chosen.label_scale), images
  if soft or learned or scaled:
    rules: dict[Any, optax.GradientTransformation] = {
      'images': images,
      'logits': falling(options.label_learning_rate, options.label_momentum),
      'step_size': optax.chain(
        falling(options.step_size_learning_rate, options.momentum),
        optimizers.keep_within(0, jnp.inf),
      ),
      'log_scale': falling(options.scale_learning_rate, options.momentum),
    }
    labels: Any = Synthetic(
      images='images',  # pyright: ignore
      logits='logits' if soft else None,  # pyright: ignore
      step_size='step_size' if learned else None,  # pyright: ignore
      log_scale='log_scale' if scaled else None,  # pyright: ignore
    )
    new = optax.multi_transform(rules, labels)
  if options.clip:
    new = optax.chain(optimizers.clip_by_running_norm(options.clip), new)
  if options.skip_above:
    new = optimizers.skip_above(options.skip_above, new)
  if chosen.still_outliers:
    new = optax.chain(new, optimizers.hold_rows(cells >= num_classes))
  return new
