"""Groups, risks and balance by the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optax

from rdd_jax.config.build.context import Context, Factory
from rdd_jax.core import naming, risk
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.risk import Risk
from rdd_jax.core.transform import Transform
from rdd_jax.robust import (
  balance,
  exponentiated,
  regroup,
  relative_difficulty,
  tilt,
  voronoi,
)
from rdd_jax.robust.groups import finders
from rdd_jax.robust.groups.discover import Finder
from rdd_jax.robust.groups.neighbors import neighbors
from rdd_jax.robust.groups.released import observe
from rdd_jax.training.probe import Probe, probe

RISKS: dict[str, Callable[..., Risk]] = {
  'total': risk.total,
  'mean': risk.mean,
  'equal': risk.equal,
  'worst': risk.worst,
  'cvar': risk.cvar,
  'entropic': risk.entropic,
  'chi_square': risk.chi_square,
}
TAIL = naming.Value('tail', 0.2, 'in (0, 1]', lambda t: 0 < t <= 1, default=0.2)
SIZE = naming.Value('size', 1.0, 'above 0', lambda size: size > 0, default=1.0)
PARAMETERS = {
  **dict.fromkeys(RISKS, ()),
  'cvar': (TAIL,),
  'entropic': (SIZE,),
  'chi_square': (SIZE,),
}
FINDERS: dict[str, Callable[..., Finder]] = {
  'found': finders.clear_splits,
  'kmeans': finders.clusters,
  'misread': finders.misread,
  'neighbors': neighbors,
  'sparse': finders.sparse,
}


def parse_risk(text: str) -> Risk:
  """Returns a risk by its name, `cvar-0.2`, or the mean of several.

  >>> parse_risk('equal+worst') is None
  False

  Raises:
    UserError: for an unknown name, or a number that it does not take.
  """
  terms = []
  for term in text.split('+'):
    name, numbers = naming.parse('risk', term, PARAMETERS)
    terms.append(RISKS[name](*numbers))
  if len(terms) == 1:
    return terms[0]
  return risk.mix(*((1 / len(terms), term) for term in terms))


def _tilt(
  context: Context,
  *,
  across: str = 'mean',
  tail: float = 1.0,
  reference: str = 'mass',
  groups: int | str = 0,
  memory: int = 0,
  released: bool = False,
) -> Transform:
  """A nested risk; across groups, of their masses or with all groups alike.

  As released it is computed, and changes nothing.
  """
  over = choose(
    'reference', reference, {'mass': lambda r: r, 'equal': risk.uniformly}
  )
  make = observe if released else tilt
  return make(
    over(parse_risk(across)),
    _count_groups(context, groups),
    within=parse_risk(f'cvar-{tail}'),
    memory=memory,
  )


def _count_groups(context: Context, groups: int | str) -> int:
  """So many groups; 'voronoi', one for each row of the synthetic set."""
  if groups == 'voronoi':
    return context.spec.num_classes * context.rows
  return int(groups) or _known_groups(context)


def _balance(
  context: Context, *, groups: int = 0, by: str = 'draws'
) -> Transform:
  groups = groups or _known_groups(context)
  return balance(context.spec.num_cells, groups, by=by)


def _voronoi(context: Context, **options: Any) -> Transform:
  return voronoi(context.spec.num_classes, **options)


def _exponentiated(
  context: Context, *, groups: int | str = 0, rate: float = 0.01
) -> Transform:
  return exponentiated(_count_groups(context, groups), rate)


def _early_probe(
  context: Context, learning_rate: float, momentum: float
) -> Probe:
  tx = optax.sgd(learning_rate, momentum)
  return probe(
    context.net, tx, context.input_shape, context.spec.num_classes, decay=0.9
  )


def _regroup(
  context: Context,
  *,
  finder: str = 'found',
  steps: int = 100,
  batch_size: int = 200,
  again: bool = False,
  learning_rate: float = 0.02,
  momentum: float = 0.9,
  **options: Any,
) -> Transform:
  """Groups that a finder sees; further options are the finder's."""
  return regroup(
    _early_probe(context, learning_rate, momentum),
    context.preprocess,
    context.spec.num_classes,
    choose('finder', finder, FINDERS)(**options),
    steps=steps,
    batch_size=batch_size,
    again=again,
  )


def _relative_difficulty(
  context: Context,
  *,
  learning_rate: float = 0.02,
  momentum: float = 0.9,
  **options: Any,
) -> Transform:
  return relative_difficulty(
    context.net,
    optax.sgd(learning_rate, momentum),
    context.input_shape,
    context.preprocess,
    context.spec.num_classes,
    **options,
  )


def _known_groups(context: Context) -> int:
  if not context.spec.num_groups:
    raise UserError(
      'this chain needs groups, and this data set has none: make some by '
      'data.rare=line-0.1, give train_groups, as in npz:PATH, or find them by '
      'groups=found'
    )
  return context.spec.num_groups


# In the order in which a chain applies them.
GROUP_FACTORIES: dict[str, Factory] = {
  'regroup': Factory(_regroup, ('measure',)),
  'relative_difficulty': Factory(_relative_difficulty, ('measure',)),
  'balance': Factory(_balance, ('measure', 'batch')),
  'voronoi': Factory(_voronoi, scores=True),
  'tilt': Factory(_tilt, scores=True),
  'exponentiated': Factory(_exponentiated, scores=True),
}
