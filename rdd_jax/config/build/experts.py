"""Builds the experts of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdd_jax.config.build.optimizers import expert_optimizer
from rdd_jax.config.build.training import dsa, row_losses
from rdd_jax.core.errors import UserError

if TYPE_CHECKING:
  import flax.linen as nn

  from rdd_jax.config.defaults import Config
  from rdd_jax.core.transform import DataSpec, Transform
  from rdd_jax.images.preprocessing import Preprocessing
  from rdd_jax.objectives import Inner, Starts
  from rdd_jax.training.expert import Expert


TAUGHT = ('stored', 'teacher', 'epochs')  # labels that are a teacher's


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
    UserError: for an unknown loss or augmentation, an energy margin with
      another loss than cross-entropy, or a teacher of no epochs.
  """
  from rdd_jax.core.transform import BoundTransform
  from rdd_jax.training.expert import expert

  options = config.experts
  if teaches(config) and not matched(config) and not options.epochs:
    raise UserError(
      'experts.epochs=0, and a teacher selects or labels: say how it trains, '
      'such as --config.experts.epochs=60 --config.experts.learning_rate=0.1 '
      '--config.experts.momentum=0.9 --config.experts.schedule=cosine'
    )
  count = options.epoch_steps or max(
    spec.num_examples // min(options.batch_size, spec.num_examples), 1
  )
  return expert(
    net,
    expert_optimizer(config, count * snapshots(config)[-1]),
    input_shape,
    spec.num_classes,
    preprocess=preprocess,
    batch_size=options.batch_size,
    steps=options.epoch_steps,
    augment=dsa(options.augment, options.convention, siamese=False),
    radius=options.radius,
    alpha=options.alpha,
    losses=row_losses(config),
    edit=BoundTransform(edits.init(spec), edits),
  )


def teaches(config: Config) -> bool:
  """Tells whether a configuration asks a teacher, the first of its experts.

  >>> from rdd_jax.config.defaults import config
  >>> teaches(config())
  False
  """
  chosen = config.synthetic
  return (
    chosen.init == 'selected'
    or chosen.labels in TAUGHT
    or config.objective.name == 'recovery'
  )


def matched(config: Config) -> bool:
  """Tells whether the trajectories of a buffer of experts are matched."""
  objective = config.objective
  return objective.name == 'trajectory' and not objective.online


def snapshots(config: Config) -> tuple[int, ...]:
  """Returns the epochs after which an expert is kept, ascending.

  As far as segments reach; beyond that, only the last one, which initializes
  images and labels (DATM), or teaches. A teacher alone is kept once.

  >>> from rdd_jax.config.defaults import config
  >>> given = config()
  >>> given.experts.epochs = 30
  >>> snapshots(given)[-2:]
  (21, 30)
  """
  options = config.experts
  if teaches(config) and not matched(config):
    return (max(options.epochs, 1),)
  needed = options.latest - 1 + options.span
  return tuple(sorted({*range(needed + 1), max(needed, options.epochs)}))


def online(config: Config) -> Inner:
  """Returns how an expert that trains while it is matched goes one segment.

  Raises:
    UserError: if `experts.epoch_steps` is 0.
  """
  from rdd_jax.objectives import Inner

  options = config.experts
  if not options.epoch_steps:
    raise UserError(
      'objective.online needs experts.epoch_steps: how many SGD steps on real '
      'rows an expert goes for each matching'
    )
  return Inner(
    optimizer=expert_optimizer(config),
    steps=options.epoch_steps,
    batch_size=options.batch_size,
    augment=dsa(options.augment, options.convention, siamese=False),
  )


def starts(config: Config) -> Starts:
  """Returns which segments of the experts are matched.

  Raises:
    UserError: for epochs from which no segment can be drawn.
  """
  from rdd_jax.objectives import Starts

  experts = config.experts
  found = Starts(
    earliest=experts.earliest,
    latest=experts.latest,
    opening=experts.opening or None,
    expansion=experts.expansion,
    span=experts.span,
  )
  opening = experts.latest if found.opening is None else found.opening
  if not (
    0 <= found.earliest < opening <= found.latest
    and found.span > 0
    and found.expansion >= 0
  ):
    raise UserError(
      f'experts: segments of {found.span} epochs that start from '
      f'{found.earliest} on and before {opening}, later {found.latest}, cannot '
      'be drawn: set 0 <= earliest < opening <= latest and span > 0'
    )
  return found


def require_top_k(config: Config, outputs: int) -> None:
  """Checks how many numbers of a teacher's answers are stored.

  Args:
    config: of which `synthetic` is read.
    outputs: numbers of a label.

  Raises:
    UserError: for more than these, or where no answers are stored.
  """
  chosen = config.synthetic
  if chosen.top_k and chosen.labels != 'epochs':
    raise UserError(
      f'synthetic.top_k={chosen.top_k} with synthetic.labels={chosen.labels}: '
      'it is of labels=epochs, the stored answers of a teacher; set it to 0'
    )
  if chosen.top_k > outputs:
    raise UserError(
      f'synthetic.top_k={chosen.top_k}, and a label has {outputs} numbers: '
      f'give {outputs} or less, or 0 for all'
    )
