"""Objectives by name: each a function whose signature names its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import copy
from typing import TYPE_CHECKING, Any

from rdd_jax.config.build import decoupled, experts, regression
from rdd_jax.config.build.context import Context
from rdd_jax.config.build.training import INNER, dsa, fields_of
from rdd_jax.config.build.training import inner as inner_of
from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError, choose
from rdd_jax.runtime.renamed import find

if TYPE_CHECKING:
  from rdd_jax.core.unroll import Adjoint
  from rdd_jax.objectives import Objective

Fields = Mapping[str, Any]


def adjoints() -> dict[str, Callable[[], Adjoint]]:
  """Returns how to differentiate through a student's training, by name."""
  from rdd_jax.core.unroll import backprop, checkpointed, tesla

  return {
    'checkpointed': checkpointed,
    'nested': lambda: checkpointed(None),
    'backprop': backprop,
    'tesla': tesla,  # approximate
  }


def distribution(
  context: Context,
  *,
  augment: str = '',  # Siamese DSA families; '' is none
  convention: str = 'one',  # of augment: 'one' family a call, or 'idc'
  matched_rows: int = 0,  # real ones of a cell; 0 is all that are drawn
  groups: int = 0,  # of a cell, matched apart; -1 those of the data, 0 none
) -> Objective:
  """Builds distribution matching: DM.

  Args:
    context: of the run.
    augment: Siamese DSA families; '' is none.
    convention: of `augment`: 'one' family a call, or 'idc'.
    matched_rows: real ones of a class; 0 is all that are drawn.
    groups: of a class, matched apart; -1 takes those of the data, 0 none.
  """
  from rdd_jax.objectives import distribution_matching

  options = _of_cells(context, augment, convention, matched_rows)
  return _by_group(
    context,
    groups,
    lambda classes, cells: distribution_matching(
      context.net, context.input_shape, cells, **options
    ),
  )


def gradient(
  context: Context,
  *,
  outer: int = 1,  # matchings in the life of a network
  distance: str = 'cosine',  # of gradients: 'cosine', 'mse', 'l1'
  augment: str = '',
  convention: str = 'one',
  matched_rows: int = 0,
  groups: int = 0,
  inner: Fields = INNER,  # the network's training between matchings
) -> Objective:
  """Builds gradient matching: DC, DSA, IDC.

  Args:
    context: of the run.
    outer: matchings in the life of a network.
    distance: of gradients: 'cosine', 'mse' or 'l1'.
    augment: as `distribution`, and so the next three.
    convention: of `augment`.
    matched_rows: real ones of a class.
    groups: of a class.
    inner: the network's training between matchings.

  Raises:
    UserError: for an unknown distance.
  """
  from rdd_jax.objectives import gradient_matching
  from rdd_jax.objectives.gradient import DISTANCES

  options = {
    **_of_cells(context, augment, convention, matched_rows),
    'inner': inner_of(context, **inner),
    'outer': outer,
    'distance': choose('distance', distance, DISTANCES),
  }
  return _by_group(
    context,
    groups,
    lambda classes, cells: gradient_matching(
      context.net, context.input_shape, classes, cells, **options
    ),
  )


def trajectory(
  context: Context,
  *,
  online: bool = False,  # experts train while they are matched
  adjoint: str = 'checkpointed',
  inner: Fields = INNER,  # the student's training
) -> Objective:
  """Builds the matching of the experts' trajectories: MTT, FTD, DATM.

  Args:
    context: of the run, whose `experts` are matched.
    online: whether experts train while they are matched.
    adjoint: of the student's training, a name in `adjoints`.
    inner: the student's training.

  Raises:
    UserError: for an unknown adjoint, or experts that do not go together.
  """
  from rdd_jax.objectives import online_trajectory_matching, trajectory_matching

  config, spec = context.config, context.spec
  sizes = (context.net, context.input_shape, spec.num_classes)
  common = {
    'inner': inner_of(context, **inner),
    'adjoint': choose('adjoint', adjoint, adjoints())(),
  }
  if not online:
    return trajectory_matching(*sizes, starts=experts.starts(config), **common)
  return online_trajectory_matching(
    *sizes,
    expert=experts.online(config),
    experts=config.experts.number,
    lifetime=config.experts.latest,
    **common,
  )


def unrolled(
  context: Context,
  *,
  window: int = 0,  # steps of a student that are differentiated; 0 is all
  earliest: int = -1,  # random windows start from here on; -1 takes the last
  adjoint: str = 'checkpointed',
  augment: str = '',  # DSA families of real rows
  convention: str = 'one',
  inner: Fields = INNER,  # the student's training
) -> Objective:
  """Builds differentiation through training: BPTT, RaT-BPTT.

  Args:
    context: of the run.
    window: steps of a student that are differentiated; 0 is all.
    earliest: random windows start from here on; -1 takes the last one.
    adjoint: of the student's training, a name in `adjoints`.
    augment: DSA families of real rows; '' is none.
    convention: of `augment`: 'one' family a call, or 'idc'.
    inner: the student's training.

  Raises:
    UserError: for an unknown adjoint, or windows longer than the training.
  """
  from rdd_jax.objectives import unrolled as unrolled_matching

  student = inner_of(context, **inner)
  try:
    return unrolled_matching(
      context.net,
      context.input_shape,
      context.spec.num_classes,
      context.spec.num_cells,
      inner=student,
      window=window or student.steps,
      earliest=None if earliest < 0 else earliest,
      augment=dsa(augment, convention, siamese=False),
      adjoint=choose('adjoint', adjoint, adjoints())(),
    )
  except ValueError as error:
    raise UserError(f'config.objective: {error}') from error


OBJECTIVES: dict[str, Callable[..., Objective]] = {
  'distribution': distribution,
  'gradient': gradient,
  'trajectory': trajectory,
  'unrolled': unrolled,
  **decoupled.DECOUPLED,
  **regression.REGRESSIONS,
}


def namespace(name: str, **given: Any) -> dict[str, Any]:
  """Returns a complete `config.objective`: a name, and all fields it takes.

  >>> namespace('distribution', augment='flip')['augment']
  'flip'

  Args:
    name: of `OBJECTIVES`, or one's own, 'package.module:function'.
    **given: fields in the place of their defaults, those of `inner` one by one;
      one's own objective has these alone.

  Raises:
    UserError: for an unknown name, or a field that the objective does not take.
  """
  if plugins.is_own(name):
    return {'name': name, **given}
  fields = fields_of(choose('objective', name, OBJECTIVES))
  _refuse_others(name, given)
  nested = {'inner': {**INNER, **given['inner']}} if 'inner' in given else {}
  return {'name': name, **copy.deepcopy({**fields, **given, **nested})}


def objective(context: Context) -> Objective:
  """Builds the objective that `config.objective` names.

  Args:
    context: what objectives may depend on, the configuration among it.

  Raises:
    UserError: for an unknown name, a field that does not belong to it, or
      another part of the configuration that does not go with it.
  """
  from rdd_jax.objectives import Objective

  config = context.config
  fields = config.objective.to_dict()
  name = fields.pop('name')
  if plugins.is_own(name):
    if 'options' in fields:
      raise UserError(f'objective.options is now {find("objective.options")}')
    where = f'config.objective.name={name}'
    return plugins.call(where, name, Objective, context, **fields)
  make = choose('objective', name, OBJECTIVES)
  _refuse_others(name, fields)
  on_real = fields.get('inner', {}).get('data') == 'real'
  if len(config.training) and not (
    name in ('trajectory', 'unrolled')
    or (name == 'gradient' and on_real)
    or experts.teaches(config)
  ):
    raise UserError(
      f'config.training has {", ".join(config.training)}, but in this '
      'objective no network trains on real data: use objective.name=gradient '
      'with objective.inner.data=real, trajectory or unrolled'
    )
  if config.synthetic.step_size and name != 'trajectory':
    raise UserError(
      f'synthetic.step_size={config.synthetic.step_size} is learned by '
      'objective.name=trajectory alone: set it to 0'
    )
  regression.check(config)
  return make(context, **fields)


def _refuse_others(name: str, given: Fields) -> None:
  """Raises a UserError for a field that is not this objective's."""
  takes = fields_of(OBJECTIVES[name])
  for field in given:
    if field in takes:
      continue
    if now := find(f'objective.{field}'):
      raise UserError(f'objective.{field} is now {now}')
    others = [o for o, make in OBJECTIVES.items() if field in fields_of(make)]
    hint = f', which {", ".join(others)} take' if others else ''
    raise UserError(
      f'objective.name={name} takes no field {field!r}{hint}; its fields are '
      f'{", ".join(takes)}: config.objective = namespace({name!r}) has them all'
    )
  for field in given.get('inner', ()):
    choose('field of config.objective.inner', field, INNER)


def _by_group(
  context: Context, groups: int, make: Callable[[int, int], Objective]
) -> Objective:
  """Cell by cell, or each group of a cell apart."""
  from rdd_jax.objectives import by_group

  sizes = context.spec.num_classes, context.spec.num_cells
  if groups < 0:
    groups = context.spec.num_groups
    if not groups:
      raise UserError(
        'objective.groups=-1 takes the groups of the data set, which has none: '
        'make some by data.rare=line-0.1, or find them by groups=found'
      )
  return by_group(make, *sizes, groups) if groups else make(*sizes)


def _of_cells(
  context: Context, augment: str, convention: str, matched_rows: int
) -> dict[str, Any]:
  """What objectives that match cell by cell share, for `map_cells`."""
  return {
    'real_rows': matched_rows or context.real_rows,
    'synthetic_rows': context.synthetic_rows,
    'augment': dsa(augment, convention, siamese=True),
  }
