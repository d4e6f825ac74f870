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

DEFENCES: dict[str, dict[str, Any]] = {
  'tad': {'factory': 'divert'},
  'described': {'factory': 'divert', 'described': True},
  'none': {},
  'oracle': {'factory': 'oracle'},
  'clean': {'factory': 'oracle', 'relabel': True},
  'two_stage': {'factory': 'clean_first'},
  'small_loss': {
    'factory': 'divert',
    'rounds': 0,
    'last': {'rule': 'small_loss', 'score': 'loss'},
    'recall': {'by': 'none'},
  },
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
  chosen = dict(choose('defence', args['defence'], DEFENCES))
  warm_up, steps = (4, 4) if config.data.mock else LENGTHS[dataset]
  if chosen.get('factory') == 'divert':
    chosen = {'warm_up': warm_up, 'steps': steps, **chosen}
  if chosen.get('factory') == 'clean_first':  # as long as TAD's probe trains
    strength = 7.0 if dataset in ('cifar100', 'tiny_imagenet') else 3.0
    chosen = {'steps': warm_up + 3 * steps, 'strength': strength, **chosen}
  config.transform = {'trust': chosen} if chosen else {}
  return config
