"""All three at once: wrong labels, foreign inputs and rare groups in one run.

TAD (Wu et al., arXiv 2502.05027, a reconstruction), TrustDD (Ma et al.,
2307.09165) and Group DRO (Vahidian et al., 2402.04676), in front of any method.
"""

from __future__ import annotations

from typing import Any

from rdd_jax.config import arguments
from rdd_jax.config.defaults import Config
from rdd_jax.config.difference import difference
from rdd_jax.config.presets import groups, ood
from rdd_jax.config.presets.label_noise import defend, method_config, with_noise

OFF = {'defence': 'none', 'outliers': 'none', 'risk': 'none'}
SOME = ('gaussian_noise', 'gaussian_blur', 'fog', 'contrast')  # of a suite
# What each alone puts on: by default groups are drawn equally often, which is
# not yet the nested risk of Group DRO.
ALONE = {
  'plain': '',
  'TAD': 'defence',
  'TrustDD': 'outliers',
  'balanced groups': 'risk',
}


def all_three(dataset: str, arg: str = '', *, noise: str, rare: str) -> Config:
  """A method, and what protects it from all three.

  Args:
    dataset: 'digits', or one that the method's presets know.
    arg: as the method's preset takes it; `method`, by default 'dm'; `defence`
      as `trust_presets.tad` takes it, `outliers`, `loss`, `families` and
      `slots` as `outlier_presets.trustdd`, `rare`, `groups`, `risk`, `by`,
      `trained`, `tail`, `clusters` and `memory` as `group_presets.groupdro`;
      and `variants`, by default true: the plain method and each paper alone
      are run as well, for the table.
    noise: where `arg` names none.
    rare: likewise.
  """
  fields = {
    **groups.ARGUMENTS,
    **ood.ARGUMENTS,
    'defence': 'tad',
    'rare': rare,
    'variants': True,
  }
  args, rest = arguments.split(arg, **fields)
  rest = with_noise(rest, noise)
  config = _build(dataset, args, rest)
  if args['variants']:
    parts = {
      name: {**args, **OFF, **({on: args[on]} if on else {})}
      for name, on in ALONE.items()
    }
    built = {name: _build(dataset, part, rest) for name, part in parts.items()}
    # Real rows are judged by the plain recipe.
    changes = {n: difference(config, c) for n, c in built.items()}
    changes['plain']['baselines'] = tuple(config.baselines)
    config.variants, config.baselines = changes, ()
  return config


def _build(dataset: str, args: dict[str, Any], rest: str) -> Config:
  config = method_config(dataset, args['method'], rest)
  config.name = f'all_three_{dataset}'
  config.data.rare = args['rare']
  config.baselines = ('random', 'herding')
  defend(config, dataset, args['defence'])
  groups.serve(config, args)
  ood.expose(config, dataset, args)
  config.shift.update({'corruptions': ('all',), 'severities': (3,)})
  return config


def quickstart(arg: str = '') -> Config:
  """All three on the embedded digits, in minutes on two CPU cores.

  Args:
    arg: as of `all_three`, and `full`, with more seeds.
  """
  # The paper's loss asks for no output more: fewer programs are compiled.
  fields = {
    'full': False,
    'loss': 'uniform',
    'noise': 'asymmetric-0.4',
    'steps': 0,
  }
  args, rest = arguments.split(arg, **fields)
  given = ','.join(f'{key}={args[key]}' for key in ('noise', 'loss', 'steps'))
  config = all_three('digits', f'{given},{rest}', noise='', rare='line-0.1')
  config.name = 'quickstart'
  if not args['full']:
    if not args['steps']:
      config.steps = min(config.steps, 200)
    config.shift.update(
      {'corruptions': SOME, 'density': '', 'published': False}
    )
    config.seeds = min(config.seeds, 2)
    config.evaluation.seeds = min(config.evaluation.seeds, 3)
    config.whole.steps = 0
  return config
