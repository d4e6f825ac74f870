"""How the networks inside a run train: losses, augmentation, inner loops."""

from __future__ import annotations

from collections.abc import Callable
import inspect
from typing import TYPE_CHECKING, Any

from rdd_jax.config.build.context import Context
from rdd_jax.config.build.optimizers import rule
from rdd_jax.core.errors import UserError, choose

if TYPE_CHECKING:
  from rdd_jax.config.defaults import Config
  from rdd_jax.core.losses import RowLosses
  from rdd_jax.images.augment import Augment
  from rdd_jax.objectives import Inner

INNER_DATA = {'synthetic': 'synthetic', 'real': 'real'}


def fields_of(make: Callable[..., Any]) -> dict[str, Any]:
  """Returns the keyword-only arguments of a function, with their defaults.

  >>> def f(context, *, outer=1, augment=''): ...
  >>> fields_of(f)
  {'outer': 1, 'augment': ''}
  """
  parameters = inspect.signature(make).parameters.values()
  return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def inner(
  context: Context,
  *,
  data: str = 'synthetic',
  optimizer: str = 'sgd',
  steps: int = 0,
  batch_size: int = 256,
  learning_rate: float = 0.01,
  momentum: float = 0.0,
  weight_decay: float = 0.0,
  augment: str = '',
  convention: str = 'one',
  cutmix: float = 0.0,
) -> Inner:
  """Builds the training of an objective's network from `objective.inner`.

  Args:
    context: of which the step size, if it is learned, and the loss are taken.
    data: 'synthetic' or 'real'.
    optimizer: 'sgd' or 'adam'.
    steps: between two matchings, or of a student.
    batch_size: rows in a step.
    learning_rate: 1 where a learned step size scales it.
    momentum: of SGD.
    weight_decay: times the weights, added to the gradient.
    augment: DSA families, of each image on its own; '' is none.
    convention: of `augment`: 'one' family a call, or 'idc'.
    cutmix: the probability that a minibatch is mixed.

  Raises:
    UserError: for unknown names.
  """
  import optax

  from rdd_jax.objectives import Inner

  rate = 1.0 if context.config.synthetic.step_size else learning_rate
  return Inner(
    optimizer=optax.chain(
      optax.add_decayed_weights(weight_decay), rule(optimizer, rate, momentum)
    ),
    steps=steps,
    batch_size=batch_size,
    data=choose('inner data', data, INNER_DATA),
    augment=dsa(augment, convention, siamese=False),
    cutmix=cutmix,
    losses=row_losses(context.config),
  )


INNER = fields_of(inner)


def row_losses(config: Config) -> RowLosses:
  """Returns the losses of networks that train on classes and outliers.

  Raises:
    UserError: for an unknown loss, or an energy margin that makes no sense.
  """
  from rdd_jax.core.losses import EnergyMargin, SquaredError, cross_entropy

  options = config.evaluation
  table: dict[str, RowLosses] = {
    'cross_entropy': cross_entropy,
    'squared': SquaredError(options.target_scale),
  }
  plain, given = choose('loss', options.loss, table), options.energy_margin
  labels = config.synthetic.labels
  if labels in ('teacher', 'epochs') and (
    given or options.loss != 'cross_entropy'
  ):
    raise UserError(
      f'synthetic.labels={labels}, whose answers networks are to give, goes '
      f'with evaluation.loss=cross_entropy, not with {options.loss} or an '
      'energy margin: set labels=stored, or outliers to loss=uniform or '
      'loss=reject'
    )
  if not given:
    return plain
  if options.loss != 'cross_entropy':
    raise UserError(
      f'evaluation.energy_margin={given} goes with cross-entropy, not with '
      f'evaluation.loss={options.loss}: set it to (), or outliers to '
      'loss=uniform or loss=reject'
    )
  if len(given) != 3 or given[0] < given[1] or given[2] < 0:
    raise UserError(
      f'evaluation.energy_margin={given}: give the least negative energy of '
      'classes, the largest of outliers, below it, and the weight, (10, 3, 0.1)'
    )
  return EnergyMargin(*given)


def dsa(families: str, convention: str, *, siamese: bool) -> Augment | None:
  """Builds DSA from the papers' string of families; None where it is empty.

  Args:
    families: such as `color_crop_flip`.
    convention: 'one' family a call, or 'idc'.
    siamese: whether all images of a call share the parameters drawn.

  Raises:
    UserError: for an unknown family.
  """
  from rdd_jax.images import augment as augmentation

  if not families:
    return None
  return augmentation.dsa(
    augmentation.parse(families),
    siamese=siamese,
    convention=convention,  # pyright: ignore[reportArgumentType]
  )
