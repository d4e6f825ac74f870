"""TAD's configurations: any method's, with noise and a defence in front.

A reconstruction, see `rdd_jax.robust.label_noise.tad`; no setting is published
that could be known here. Lengths of probe training are of our measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rdd_jax.config import arguments
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits, gradient, regression, unrolled
from rdd_jax.config.presets.datasets import SETTINGS, Setting
from rdd_jax.core.errors import choose
from rdd_jax.robust.label_noise.options import Diversion, as_described
from rdd_jax.robust.label_noise.relabel import Relabel
from rdd_jax.robust.label_noise.trust import Division

REGRESSIONS: dict[str, Callable[[str, str], Config]] = {
  'kip': regression.kip,
  'frepo': regression.frepo,
  'rfad': regression.rfad,
  'rcig': regression.rcig,
}

METHODS: dict[str, Callable[[str, str], Config]] = {
  'dm': gradient.dm,
  'dc': gradient.dc,
  'dsa': gradient.dsa,
  'idc': gradient.idc,
  'mtt': unrolled.mtt,
  'datm': unrolled.datm,
  'ratbptt': unrolled.ratbptt,
  **REGRESSIONS,
}

DIGITS: dict[str, Callable[[str, str], Config]] = {
  **{
    method.__name__: lambda dataset, arg, method=method: method(arg)
    for method in (
      digits.dm,
      digits.dc,
      digits.dsa,
      digits.mtt,
      digits.ratbptt,
    )
  },
  **REGRESSIONS,
}


VIEW = 'crop'  # shifts, under which the described form asks for consistency


def _divert(recipe: Diversion, setting: Setting) -> dict[str, Any]:
  """Every field of TAD, so that each can be set on the command line."""
  recipe = recipe._replace(warm_up=setting.warm_up, steps=setting.steps)
  fields = recipe._asdict()
  for name in ('division', 'last', 'relabel'):
    fields[name] = fields[name]._asdict()
  return {
    'factory': 'divert',
    **fields,
    'augment': '',
    'view': VIEW if recipe.views else '',
    'later': 0,
    'learning_rate': 0.01,
    'momentum': 0.9,
    'weight_decay': 5e-4,
    'decay': 0.995,
  }


def _tad(setting: Setting) -> dict[str, Any]:
  last = Diversion().last._replace(least=setting.least)
  return _divert(Diversion(last=last), setting)


def _two_stage(setting: Setting) -> dict[str, Any]:
  """ELR, for as many steps as TAD's probe trains."""
  steps = setting.warm_up + Diversion().rounds * setting.steps
  return {
    'factory': 'clean_first',
    'steps': steps,
    'strength': setting.strength,
  }


def _small_loss(setting: Setting) -> dict[str, Any]:
  last = Division('small_loss', 'loss')
  recipe = Diversion(rounds=0, last=last, relabel=Relabel('none'))
  return _divert(recipe, setting)


DEFENCES: dict[str, Callable[[Setting], dict[str, Any]]] = {
  'tad': _tad,
  'described': lambda setting: _divert(as_described(None), setting),
  'none': lambda setting: {},
  'oracle': lambda setting: {'factory': 'oracle'},
  'clean': lambda setting: {'factory': 'oracle', 'relabel': True},
  'two_stage': _two_stage,
  'small_loss': _small_loss,
}


def tad(
  dataset: str,
  arg: str = '',
  *,
  noise: str = 'symmetric-0.4',
  name: str = '',
) -> Config:
  """A method on noisy labels, with a defence.

  Args:
    dataset: 'digits', or one that the method's presets know.
    arg: as the method's preset takes it, and `method`, by default 'dm', and
      `defence`, by default 'tad': 'described' is the form that summaries of
      the paper describe, 'none' distils from the labels as given, 'oracle'
      from the rows whose label is right, 'clean' from all rows with their true
      labels, 'two_stage' from labels that ELR has cleaned once, 'small_loss'
      from the 60 per cent of each class with the smallest loss.
    noise: where `arg` names none.
    name: of the run.
  """
  args, rest = arguments.split(arg, method='dm', defence='tad')
  config = method_config(dataset, args['method'], with_noise(rest, noise))
  config.name = name or f'tad_{dataset}'
  defend(config, dataset, args['defence'])
  # What is started from is rows that the defence lets through.
  config.baselines = ('random', 'herding', 'initial')
  return config


def method_config(dataset: str, method: str, arg: str) -> Config:
  """The configuration of a method, in front of which something is put."""
  methods = DIGITS if dataset == 'digits' else METHODS
  return choose('method', method, methods)(dataset, arg)


def with_noise(arg: str, noise: str) -> str:
  """The argument string, with this noise where it says none."""
  if any(a.startswith('noise=') for a in arg.split(',')):
    return arg
  return f'{arg},noise={noise}'


def defend(config: Config, dataset: str, defence: str) -> None:
  """Puts a defence in front; its probe trains for a moment on mock images."""
  setting = SETTINGS[dataset]
  if config.data.mock:
    setting = setting._replace(warm_up=4, steps=4)
  chosen = choose('defence', defence, DEFENCES)(setting)
  if chosen:
    extend(config, {'trust': chosen})


def extend(config: Config, links: dict[str, Any]) -> None:
  """Adds links to the chain before matching."""
  config.transform = {**config.transform.to_dict(), **links}
