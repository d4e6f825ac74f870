"""All three at once: wrong labels, OOD inputs and rare groups in one run.

TAD (Wu et al., arXiv 2502.05027, a reconstruction), TrustDD (Ma et al.,
2307.09165) and Group DRO (Vahidian et al., 2402.04676), in front of any method.
"""

from __future__ import annotations

from typing import Any

from rdd_jax.config import arguments
from rdd_jax.config.defaults import Config
from rdd_jax.config.difference import difference
from rdd_jax.config.presets import groups, ood
from rdd_jax.config.presets.label_noise import defend
from rdd_jax.config.presets.methods import PROTECTIONS
from rdd_jax.config.presets.options import some
from rdd_jax.config.presets.registry import method_config

OFF = {'defense': 'none', 'outliers': 'none', 'risk': 'none'}
SOME = ('gaussian_noise', 'gaussian_blur', 'fog', 'contrast')  # of a suite


def alone(risk: str) -> dict[str, str]:
  """Returns the variants by name: which argument of `OFF` each leaves on.

  Groups that are drawn equally often, the default, are not yet Group DRO.

  >>> list(alone('equal'))[-1], list(alone('cvar'))[-1]
  ('balanced groups', 'group DRO')
  """
  groups = 'balanced groups' if risk == 'equal' else 'group DRO'
  return {'plain': '', 'TAD': 'defense', 'TrustDD': 'outliers', groups: 'risk'}


def all_three(
  dataset: str, arg: str = '', *, noise: str = '', rare: str = ''
) -> Config:
  """Returns a method, and what protects it from all three.

  Args:
    dataset: a name in `DATA` of which the table has all facts.
    arg: as the method takes it, and the arguments of `tad`, `trustdd` and
      `groupdro`; and `variants`, by default true: the plain method and each
      paper alone are run as well, for the table.
    noise: where `arg` names none.
    rare: likewise.
  """
  fields = some(*PROTECTIONS['all_three'].takes)
  args, rest = arguments.split(f'rare={rare},{arg}', **fields)
  rest = f'noise={noise},{rest}'
  config = _build(dataset, args, rest)
  if args['variants']:
    parts = {
      name: {**args, **OFF, **({on: args[on]} if on else {})}
      for name, on in alone(args['risk']).items()
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
  defend(config, dataset, args['defense'])
  groups.serve(config, args)
  ood.expose(config, dataset, args)
  config.shift.update({'corruptions': ('all',), 'severities': (3,)})
  return config


def quickstart(arg: str = '') -> Config:
  """Returns all three on the embedded digits, for minutes on two CPU cores.

  Args:
    arg: as of `all_three`, and `full`, with more seeds.
  """
  # The paper's loss asks for no output more: fewer programs are compiled.
  args, rest = arguments.split(
    f'loss=uniform,noise=asymmetric-0.4,rare=line-0.1,{arg}',
    **some('full', 'steps'),
  )
  config = all_three('digits', f'{rest},steps={args["steps"]}')
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
