"""Objectives by name, and the one that a configuration names."""

from __future__ import annotations

from collections.abc import Callable
import copy
from typing import TYPE_CHECKING, Any

from rdd_jax.config.build import decoupled, experts, matching, regression
from rdd_jax.config.build.context import Context
from rdd_jax.config.build.matching import Fields
from rdd_jax.config.build.training import INNER, fields_of
from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError, choose
from rdd_jax.runtime.renamed import find

if TYPE_CHECKING:
  from rdd_jax.objectives import Objective


OBJECTIVES: dict[str, Callable[..., Objective]] = {
  **matching.MATCHING,
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
  refuse_others(name, given)
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
  refuse_others(name, fields)
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


def refuse_others(name: str, given: Fields) -> None:
  """Raises a UserError for a field that is not an objective's.

  Args:
    name: of `OBJECTIVES`.
    given: fields, with `inner` a dictionary where it is among them.
  """
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
