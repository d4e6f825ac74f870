"""A run with a teacher that takes seconds."""

from __future__ import annotations

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.registry import preset

SHORT = {
  'seeds': 1,
  'devices': 1,
  'experts.epochs': 2,
  'experts.epoch_steps': 20,
  'evaluation.epochs': 2,
  'evaluation.seeds': 1,
  'whole.steps': 0,
  'shift.corruptions': (),
  'outside.sets': (),
  'baselines': ('random',),
}


def tiny(protection: str, arg: str, method: str = 'rded', **changes) -> Config:
  """A teacher of 40 steps, two images of a class, one network of two epochs."""
  more = f'method={method},variants=false,' if protection == 'all_three' else ''
  more = more or ('' if protection == method else f'method={method},')
  config = preset(protection, 'digits')(f'smoke,width=8,ipc=2,{more}{arg}')
  config.unlock()
  config.update_from_flattened_dict({**SHORT, **changes})
  return config
