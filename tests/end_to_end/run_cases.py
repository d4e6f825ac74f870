"""Cases that the tests of run share."""

from __future__ import annotations

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits as presets_digits

OUTPUTS = ('distilled.npz', 'metrics.jsonl', 'results.json', 'grid.png')


def tiny(**changes: object) -> Config:
  config = presets_digits.dm('smoke,width=4')
  config.unlock()
  config.update_from_flattened_dict(
    {
      'steps': 12,
      'steps_per_call': 2,
      'log_every': 1,
      'checkpoint_every': 4,
      'seeds': 2,
      'evaluation.epochs': 2,
      'evaluation.seeds': 2,
      'whole.seeds': 1,
      **{key.replace('__', '.'): value for key, value in changes.items()},
    }
  )
  return config
