"""Group DRO's configurations: any method's, with rare groups served better.

Vahidian et al., arXiv 2402.04676; and what serves rare groups best here: equal
groups in the matching target.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rdd_jax.config import arguments
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import methods
from rdd_jax.config.presets.datasets import num_classes
from rdd_jax.config.presets.label_noise import extend
from rdd_jax.config.presets.options import some
from rdd_jax.config.presets.registry import method_config
from rdd_jax.core.errors import UserError, choose

# How rows are grouped, by at most k groups: the link in front of the chain. It
# names what finders leave to their defaults too, so that flags can set it.
GROUPS: dict[str, Callable[[int], dict[str, Any]]] = {
  'known': lambda k: {},
  'voronoi': lambda k: {},
  'found': lambda k: {
    **_finder('found', steps=300),
    'k': k,
    'components': 12,
    'separation': 4.0,
  },
  'kmeans': lambda k: {**_finder('kmeans'), 'k': k},
  'errors': lambda k: {**_finder('kmeans'), 'k': k, 'of': 'errors'},
  'misread': lambda k: _finder('misread'),
  'neighbors': lambda k: {
    **_finder('neighbors', steps=1),
    'share': 0.005,
    'draws': 0.25,
  },
  'sparse': lambda k: _finder('sparse'),
  'difficult': lambda k: {'factory': 'relative_difficulty'},
}
# No groups that are balanced, but rows that are drawn more.
WEIGHTED = ('neighbors', 'sparse', 'difficult')

# Of groups, in the training of networks on real data.
ACROSS = {
  'mean': 'mean',
  'cvar': 'equal+worst',  # with CVaR within groups: the paper's nested risk
  'released': 'equal+worst',  # the same, computed and without effect
  'worst': 'worst',
  'entropic': 'entropic',
  'chi_square': 'chi_square',
}
ALONE = ('dro', 'released')  # that are risks of training alone
MATCHED = ('dc', 'dsa', 'idc')  # on networks that train between matchings
TAUGHT = ('rded', 'sre2l')  # by a teacher that trains on real data
BY_EXPERTS = ('mtt', 'datm', 'ratbptt', *TAUGHT)
TRAINED_ON_REAL = (*MATCHED, *BY_EXPERTS)


def groupdro(dataset: str, arg: str = '', *, rare: str = '') -> Config:
  """Returns a method that serves rare groups.

  Args:
    dataset: a name in `DATA`.
    arg: as the method takes it, and `method`, `rare`, `groups`, `risk`, `by`,
      `trained`, `tail`, `clusters` and `memory`, see `options`.
    rare: where `arg` names none.
  """
  fields = some('method', *methods.GROUPS)
  args, rest = arguments.split(f'rare={rare},{arg}', **fields)
  config = method_config(dataset, args['method'], rest)
  config.name = f'groupdro_{dataset}'
  config.data.rare = args['rare']
  config.baselines = ('random', 'herding')
  serve(config, args)
  return config


def serve(config: Config, args: dict[str, Any]) -> None:
  """Serves rare groups, and evaluates under shift.

  Args:
    config: with its data; changed in place.
    args: values of `method` and of the arguments `methods.GROUPS`.
  """
  config.shift.update({'clusters': 10, 'density': 'pixels', 'published': True})
  name = args['risk']
  if args['clusters'] < 2:
    raise UserError(
      f'clusters={args["clusters"]} divides no class; take 2 or more, or '
      'risk=none'
    )
  _trained(config, args)
  if name == 'none':
    return
  by = args['by'] or ('draws' if name == 'equal' else 'training')
  groups = args['groups'] or _default_groups(config, by)
  link = GROUPS[groups](args['clusters'])
  places: dict[str, Callable[[], None]] = {
    'draws': lambda: _balance(config, groups, link, args, 'draws'),
    'weights': lambda: _balance(config, groups, link, args, 'weights'),
    'matching': lambda: _matching(config, groups, link, args),
    'training': lambda: _training(config, groups, link, args),
  }
  allowed = ('draws', 'weights', 'matching')
  if name != 'equal':
    allowed = ('training', 'matching')[: 1 if name in ALONE else None]
  choose(f'by, of risk={name},', by, {k: places[k] for k in allowed})()


def _finder(name: str, steps: int = 100) -> dict[str, Any]:
  """A link that asks an early network, trained for so many steps."""
  return {'factory': 'regroup', 'finder': name, 'steps': steps}


def _default_groups(config: Config, by: str) -> str:
  if config.data.rare:
    return 'known'
  return 'voronoi' if by == 'training' else 'found'


def _count(groups: str, args: dict[str, Any]) -> int:
  """How many groups there are in a class; 0 leaves it to the data set."""
  if groups in ('found', 'kmeans', 'errors'):
    return args['clusters']
  return 2 if groups == 'misread' else 0


def _need_fixed_groups(groups: str, by: str) -> None:
  if groups == 'voronoi':
    raise UserError(
      f'by={by} needs groups that stay, and voronoi cells move with the '
      'network: give groups=found, known or kmeans'
    )


def _balance(
  config: Config,
  groups: str,
  link: dict[str, Any],
  args: dict[str, Any],
  by: str,
) -> None:
  _need_fixed_groups(groups, by)
  chain = {'groups': link} if link else {}
  if groups not in WEIGHTED:
    chain['balance'] = {
      'factory': 'balance',
      'groups': _count(groups, args),
      'by': by,
    }
    if config.synthetic.init == 'selected':  # else the best are of few groups
      config.selection.groups = _count(groups, args) or -1
  extend(config, chain)


def _matching(
  config: Config, groups: str, link: dict[str, Any], args: dict[str, Any]
) -> None:
  """The groups of a class matched apart, each as well drawn as another."""
  if groups in WEIGHTED:
    raise UserError(f'groups={groups} only says which rows are drawn more')
  _balance(config, groups, link, args, 'draws')
  config.objective.groups = _count(groups, args) or -1
  risks = {'equal': 'total', 'mean': 'total', 'cvar': f'cvar-{args["tail"]}'}
  config.risk = risks.get(args['risk'], args['risk'])


def _trained(config: Config, args: dict[str, Any]) -> None:
  """What networks train on, apart from what is matched."""
  how = args['trained']
  if not how:
    return
  choose('method, for trained=,', args['method'], dict.fromkeys(MATCHED))
  if how == 'synthetic':
    config.objective.inner.data = how
    return
  if args['method'] != 'idc':
    _train_on_real(config)
  if how != 'real':
    _training(config, 'voronoi', {}, {**args, 'risk': how})


def _train_on_real(config: Config) -> None:
  """As IDC does, and as the released code of the paper: two epochs."""
  config.objective.inner.data = 'real'
  of_all = config.real_rows * num_classes(config)
  config.objective.inner.steps = max(2 * of_all // 256, 1)


def _training(
  config: Config, groups: str, link: dict[str, Any], args: dict[str, Any]
) -> None:
  """A risk of the losses of networks that train on real data."""
  method = choose(
    f'method, for risk={args["risk"]} in training,',
    args['method'],
    dict.fromkeys(TRAINED_ON_REAL, args['method']),
  )
  if method in BY_EXPERTS or groups in WEIGHTED:
    _need_fixed_groups(groups, 'training, of experts or unrolled,')
  if method in ('dc', 'dsa'):
    _train_on_real(config)
  if link:
    extend(config, {'groups': link})
  chain: dict[str, Any] = {}
  nested = args['risk'] in ('cvar', 'released')
  if groups == 'voronoi':
    chain['cells'] = {'factory': 'voronoi', 'centers': 10}
  count = 'voronoi' if groups == 'voronoi' else _count(groups, args)
  if args['risk'] == 'dro':
    chain['risk'] = {'factory': 'exponentiated', 'groups': count}
  else:
    chain['risk'] = {
      'factory': 'tilt',
      'across': ACROSS[args['risk']],
      'tail': args['tail'] if nested else 1.0,
      'reference': 'mass' if args['risk'] == 'mean' else 'equal',
      'groups': count,
      'memory': args['memory'],
    }
    if args['risk'] == 'released':
      chain['risk']['released'] = True
  config.training = chain
