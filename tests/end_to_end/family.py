"""The tiny run of a family, for commands: `--config=.../family.py:tad`."""

from __future__ import annotations

from end_to_end import fault_cases

from rdd_jax.config.defaults import Config


def get_config(family: str = 'dm') -> Config:
  """Returns its configuration, on all devices that there are."""
  config = fault_cases.config_of(family)
  config.devices = 0
  return config
