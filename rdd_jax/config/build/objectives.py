"""The objective that a configuration names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import optax

from rdd_jax.config.build import regression
from rdd_jax.config.build.optimizers import expert_optimizer, rule
from rdd_jax.config.defaults import Config
from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.losses import (
  EnergyMargin,
  RowLosses,
  SquaredError,
  cross_entropy,
)
from rdd_jax.core.transform import DataSpec
from rdd_jax.core.unroll import Adjoint, backprop, checkpointed, tesla
from rdd_jax.images import augment
from rdd_jax.images.augment import Augment
from rdd_jax.objectives import (
  Inner,
  Objective,
  Starts,
  by_group,
  distribution_matching,
  gradient_matching,
  online_trajectory_matching,
  trajectory_matching,
  unrolled,
)
from rdd_jax.objectives.gradient import DISTANCES

INNER_DATA = {'synthetic': 'synthetic', 'real': 'real'}
ADJOINTS: dict[str, Callable[[], Adjoint]] = {
  'checkpointed': checkpointed,
  'nested': lambda: checkpointed(None),
  'backprop': backprop,
  'tesla': tesla,
}


def objective(
  config: Config,
  net: nn.Module,
  input_shape: tuple[int, ...],
  spec: DataSpec,
) -> Objective:
  """The matching objective that `objective.name` names."""
  options = config.objective
  table = {
    'distribution': _distribution,
    'gradient': _gradient,
    'trajectory': _trajectory,
    'unrolled': _unrolled,
    **dict.fromkeys(regression.REGRESSIONS, _regression),
  }
  own = plugins.is_own(options.name)
  make = _own if own else choose('objective', options.name, table)
  if options.options and not own:
    raise UserError(
      f'objective.options has {", ".join(options.options)}, which are for an '
      f'objective of your own, and objective.name={options.name} is none: '
      'empty it'
    )
  on_real = (
    own
    or options.name in ('trajectory', 'unrolled')
    or (options.name == 'gradient' and options.inner.data == 'real')
  )
  if len(config.training) and not on_real:
    raise UserError(
      f'config.training has {", ".join(config.training)}, but in this '
      'objective no network trains on real data: use objective.name=gradient '
      'with objective.inner.data=real, trajectory or unrolled'
    )
  if options.groups and options.name not in ('distribution', 'gradient'):
    raise UserError(
      f'objective.groups={options.groups}: only objectives that match cell by '
      'cell, distribution and gradient, match groups apart; set it to 0'
    )
  if config.synthetic.step_size and options.name != 'trajectory':
    raise UserError(
      f'synthetic.step_size={config.synthetic.step_size} is learned by '
      'objective.name=trajectory alone: set it to 0'
    )
  regression.check(config)
  return make(config, net, input_shape, spec)


def _own(
  config: Config, net: nn.Module, input_shape: tuple[int, ...], spec: DataSpec
) -> Objective:
  options = config.objective
  return plugins.call(
    f'config.objective.name={options.name}',
    options.name,
    Objective,
    *(config, net, input_shape, spec),
    **options.options,
  )


def _distribution(
  config: Config, net: nn.Module, input_shape: tuple[int, ...], spec: DataSpec
) -> Objective:
  def make(num_classes: int, num_cells: int) -> Objective:
    del num_classes
    return distribution_matching(net, input_shape, num_cells, **by_cell(config))

  return _of_cells(config, spec, make)


def _gradient(
  config: Config, net: nn.Module, input_shape: tuple[int, ...], spec: DataSpec
) -> Objective:
  options = config.objective

  def make(num_classes: int, num_cells: int) -> Objective:
    return gradient_matching(
      net,
      input_shape,
      num_classes,
      num_cells,
      inner=_inner(config),
      outer=options.outer,
      distance=choose('distance', options.distance, DISTANCES),
      **by_cell(config),
    )

  return _of_cells(config, spec, make)


def _of_cells(
  config: Config, spec: DataSpec, make: Callable[[int, int], Objective]
) -> Objective:
  """Cell by cell, or each group of a cell apart."""
  sizes = spec.num_classes, spec.num_cells
  groups = config.objective.groups
  if groups < 0:
    groups = spec.num_groups
    if not groups:
      raise UserError(
        'objective.groups=-1 takes the groups of the data set, which has none: '
        'make some by data.rare=line-0.1, or find them by groups=found'
      )
  return by_group(make, *sizes, groups) if groups else make(*sizes)


def _trajectory(
  config: Config, net: nn.Module, input_shape: tuple[int, ...], spec: DataSpec
) -> Objective:
  options, experts = config.objective, config.experts
  common = {'inner': _inner(config), 'adjoint': _adjoint(config)}
  sizes = (net, input_shape, spec.num_classes)
  if not options.online:
    return trajectory_matching(*sizes, starts=starts(config), **common)
  if not experts.epoch_steps:
    raise UserError(
      'objective.online needs experts.epoch_steps: how many SGD steps on real '
      'rows an expert goes for each matching'
    )
  expert = Inner(
    optimizer=expert_optimizer(config),
    steps=experts.epoch_steps,
    batch_size=experts.batch_size,
    augment=dsa(experts.augment, options.convention, siamese=False),
  )
  return online_trajectory_matching(
    *sizes,
    expert=expert,
    experts=experts.number,
    lifetime=experts.latest,
    **common,
  )


def _unrolled(
  config: Config, net: nn.Module, input_shape: tuple[int, ...], spec: DataSpec
) -> Objective:
  options = config.objective
  earliest = None if options.earliest < 0 else options.earliest
  try:
    return unrolled(
      net,
      input_shape,
      spec.num_classes,
      spec.num_cells,
      inner=_inner(config),
      window=options.window or options.inner.steps,
      earliest=earliest,
      augment=dsa(options.augment, options.convention, siamese=False),
      adjoint=_adjoint(config),
    )
  except ValueError as error:
    raise UserError(f'config.objective: {error}') from error


def _regression(
  config: Config, net: nn.Module, input_shape: tuple[int, ...], spec: DataSpec
) -> Objective:
  options = config.objective
  seen = dsa(options.augment, options.convention, siamese=False)
  return regression.regression(
    config, net, input_shape, spec, _inner(config), seen
  )


def by_cell(config: Config) -> dict[str, Any]:
  """What objectives that match cell by cell share, for `map_cells`."""
  options, stored = config.objective, config.synthetic
  return {
    'real_rows': options.real_rows,
    'synthetic_rows': max(stored.ipc, stored.slot_images) * stored.factor**2,
    'augment': dsa(options.augment, options.convention, siamese=True),
  }


def _inner(config: Config) -> Inner:
  """How the objective's network trains; a learned step size scales rate 1."""
  options, inner = config.objective, config.objective.inner
  rate = 1.0 if config.synthetic.step_size else inner.learning_rate
  return Inner(
    optimizer=optax.chain(
      optax.add_decayed_weights(inner.weight_decay),
      rule(inner.optimizer, rate, inner.momentum),
    ),
    steps=inner.steps,
    batch_size=inner.batch_size,
    data=choose('inner data', inner.data, INNER_DATA),
    augment=dsa(inner.augment, options.convention, siamese=False),
    cutmix=inner.cutmix,
    losses=row_losses(config),
  )


def row_losses(config: Config) -> RowLosses:
  """What networks make small, wherever they train on classes and outliers."""
  options = config.evaluation
  table: dict[str, RowLosses] = {
    'cross_entropy': cross_entropy,
    'squared': SquaredError(options.target_scale),
  }
  plain, given = choose('loss', options.loss, table), options.energy_margin
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


def _adjoint(config: Config) -> Adjoint:
  return choose('adjoint', config.objective.adjoint, ADJOINTS)()


def starts(config: Config) -> Starts:
  """Which segments of the experts are matched."""
  options = config.experts
  found = Starts(
    earliest=options.earliest,
    latest=options.latest,
    opening=options.opening or None,
    expansion=options.expansion,
    span=options.span,
  )
  opening = options.latest if found.opening is None else found.opening
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


def dsa(families: str, convention: str, *, siamese: bool) -> Augment | None:
  """DSA from the papers' string of families; None where it is empty."""
  if not families:
    return None
  return augment.dsa(
    augment.parse(families),
    siamese=siamese,
    convention=convention,  # pyright: ignore[reportArgumentType]
  )
