"""Compares two configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdd_jax.config.defaults import PLACES, Config


def difference(config: Config, other: Config) -> dict[str, Any]:
  """Returns the changes that turn one configuration into another.

  Args:
    config: the one that is changed.
    other: with some of its transforms left out, the others as they are, and
      other values.

  Returns:
    An entry of `config.variants`: `without`, the sorted names of the transforms
    that are left out, and the values that differ, nested as in `other`.

  >>> from rdd_jax.config.defaults import config
  >>> base, other = config(), config()
  >>> base.transform.tad = {'factory': 'tad'}
  >>> other.network.width = 64
  >>> difference(base, other)
  {'without': ('tad',), 'network': {'width': 64}}
  """
  mine, its = config.to_dict(), other.to_dict()
  names = [{k for p in PLACES for k in x[p]} for x in (mine, its)]
  return {
    'without': tuple(sorted(names[0] - names[1])),
    **_changes(
      {k: v for k, v in mine.items() if k not in PLACES},
      {k: v for k, v in its.items() if k not in PLACES},
    ),
  }


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
  out: dict[str, Any] = {}
  for key, value in new.items():
    if isinstance(value, dict) and value:
      if below := _changes(old[key], value):
        out[key] = below
    elif old[key] != value:
      out[key] = value
  return out
