"""TAD's configurations: any method's, with noise and a defense in front.

A reconstruction, see `rdd_jax.robust.label_noise.tad`; no setting is published
that could be known here. Lengths of probe training are of our measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rdd_jax.config import arguments
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import Setting, with_fact
from rdd_jax.config.presets.options import some
from rdd_jax.config.presets.registry import method_config
from rdd_jax.robust.label_noise.options import (
  Diversion,
  Division,
  Relabel,
  Selection,
  as_described,
)

SIZE = 512  # patches of a probe's dictionary
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


def _tad() -> dict[str, Any]:
  return {'factory': 'trust_aware', 'size': SIZE, **Selection()._asdict()}


def _confident() -> dict[str, Any]:
  return {
    'factory': 'confident_learning',
    'rule': 'prune_by_noise_rate',
    'size': SIZE,
  }


def _fixed(setting: Setting) -> dict[str, Any]:
  last = Diversion().last._replace(least=setting.least)
  return _divert(Diversion(last=last), setting)


def _elr(setting: Setting) -> dict[str, Any]:
  """ELR, for as many steps as the probe of `tad_fixed` trains."""
  steps = setting.warm_up + Diversion().rounds * setting.steps
  return {
    'factory': 'clean_first',
    'steps': steps,
    'strength': setting.strength,
  }


def _once(division: Division, setting: Setting) -> dict[str, Any]:
  """Divides once, and relabels nothing."""
  recipe = Diversion(rounds=0, last=division, relabel=Relabel('none'))
  return _divert(recipe, setting)


DEFENSES: dict[str, Callable[[], dict[str, Any]]] = {
  'tad': _tad,
  'oracle': lambda: {'factory': 'oracle'},
  'clean': lambda: {'factory': 'oracle', 'relabel': True},
  'confident': _confident,
}
# Whose networks train for as long as the table of data sets says.
TRAINED: dict[str, Callable[[Setting], dict[str, Any]]] = {
  'tad_fixed': _fixed,
  'described': lambda setting: _divert(as_described(None), setting),
  'elr': _elr,
  'small_loss': partial(_once, Division('small_loss', 'loss')),
  'gmm': partial(_once, Division('mixture', 'loss', by_class=False)),
}


def tad(dataset: str, arg: str = '', *, noise: str = 'symmetric-0.4') -> Config:
  """Returns a method on noisy labels, with a defense.

  Args:
    dataset: a name in `DATA`.
    arg: as the method takes it, and `method` and `defense`, see `options`.
    noise: where `arg` names none.
  """
  args, rest = arguments.split(arg, **some('method', 'defense'))
  config = method_config(dataset, args['method'], f'noise={noise},{rest}')
  config.name = f'tad_{dataset}'
  defend(config, dataset, args['defense'])
  # What is started from is rows that the defense lets through.
  config.baselines = ('random', 'herding', 'initial')
  return config


def defend(config: Config, dataset: str, defense: str) -> None:
  """Puts a defense in front; its probe trains for a moment on mock images.

  Args:
    config: changed in place.
    dataset: a name in `DATA`; for `TRAINED`, with lengths of probe training.
    defense: a name in `DEFENSES` or `TRAINED`, or 'none'.
  """
  if defense == 'none':
    return
  if defense in DEFENSES:
    link = DEFENSES[defense]()
    if config.data.mock and 'size' in link:
      link['size'] = 16
  else:
    setting = with_fact(dataset, 'probe').probe
    assert setting is not None
    if config.data.mock:
      setting = setting._replace(warm_up=4, steps=4)
    link = TRAINED[defense](setting)
  extend(config, {'trust': link})


def extend(config: Config, links: dict[str, Any]) -> None:
  """Adds links to the chain before matching, in place.

  Args:
    config: the configuration, changed in place.
    links: name to fields, after those that are there.
  """
  config.transform = {**config.transform.to_dict(), **links}
