"""TAD's configurations: any method's, with noise and a defence in front.

A reconstruction, see `rdd_jax.robust.tad`; no setting is published that could
be known here. Lengths of probe training are those of our measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rdd_jax import defaults, presets, unrolled_presets
from rdd_jax.defaults import Config
from rdd_jax.errors import choose
from rdd_jax.robust.diversion import Diversion, as_described
from rdd_jax.robust.recall import Recall
from rdd_jax.robust.trust import Division

METHODS: dict[str, Callable[[str, str], Config]] = {
  'dm': presets.dm,
  'dc': presets.dc,
  'dsa': presets.dsa,
  'idc': presets.idc,
  'mtt': unrolled_presets.mtt,
  'datm': unrolled_presets.datm,
  'ratbptt': unrolled_presets.ratbptt,
}

DIGITS = {'dm': lambda dataset, arg: presets.quickstart(arg)}

# Steps of the probe: before the first division, and in each round.
LENGTHS = {
  'digits': (150, 150),
  'fashion_mnist': (900, 1800),
  'cifar10': (1500, 1800),
  'cifar100': (3000, 2400),
  'tiny_imagenet': (5000, 4800),
}

VIEW = 'crop'  # shifts, under which the described form asks for consistency


def _divert(recipe: Diversion, lengths: tuple[int, int]) -> dict[str, Any]:
  """Every field of TAD, so that each can be set on the command line."""
  fields = recipe._replace(warm_up=lengths[0], steps=lengths[1])._asdict()
  for name in ('division', 'last', 'recall'):
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


def _clean_first(strength: float, lengths: tuple[int, int]) -> dict[str, Any]:
  """ELR, for as many steps as TAD's probe trains."""
  steps = lengths[0] + Diversion().rounds * lengths[1]
  return {'factory': 'clean_first', 'steps': steps, 'strength': strength}


# From ELR's strength, and the probe's lengths, to the transform.
DEFENCES: dict[str, Callable[[float, tuple[int, int]], dict[str, Any]]] = {
  'tad': lambda strength, lengths: _divert(Diversion(), lengths),
  'described': lambda strength, lengths: _divert(as_described(None), lengths),
  'none': lambda strength, lengths: {},
  'oracle': lambda strength, lengths: {'factory': 'oracle'},
  'clean': lambda strength, lengths: {'factory': 'oracle', 'relabel': True},
  'two_stage': _clean_first,
  'small_loss': lambda strength, lengths: _divert(
    Diversion(
      rounds=0, last=Division('small_loss', 'loss'), recall=Recall('none')
    ),
    lengths,
  ),
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
  own = [a for a in arg.split(',') if a.startswith(('method=', 'defence='))]
  rest = [a for a in arg.split(',') if a and a not in own]
  args = defaults.parse(','.join(own), method='dm', defence='tad')
  if not any(a.startswith('noise=') for a in rest):
    rest.append(f'noise={noise}')
  methods = DIGITS if dataset == 'digits' else METHODS
  config = choose('method', args['method'], methods)(dataset, ','.join(rest))
  config.name = name or f'tad_{dataset}'
  lengths = (4, 4) if config.data.mock else LENGTHS[dataset]
  strength = 7.0 if dataset in ('cifar100', 'tiny_imagenet') else 3.0
  chosen = choose('defence', args['defence'], DEFENCES)(strength, lengths)
  config.transform = {'trust': chosen} if chosen else {}
  # What is started from is rows that the defence lets through.
  config.baselines = ('random', 'herding', 'initial')
  return config
