"""What tells two configurations apart, and one from the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rdd_jax.config import defaults
from rdd_jax.config.defaults import PLACES, Config


def difference(config: Config, other: Config) -> dict[str, Any]:
  """Returns what turns one configuration into another, for `config.variants`.

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


def show(config: Config) -> str:
  """Returns a configuration, `path = value`, and `*` where it is no default.

  >>> config = defaults.config()
  >>> config.data.noise = 'pair-0.4'
  >>> [line for line in show(config).splitlines() if line[0] == '*']
  ["* data.noise = 'pair-0.4'"]
  """
  usual = dict(_leaves(defaults.config().to_dict()))
  return '\n'.join(
    f'{" " if path in usual and usual[path] == value else "*"} '
    f'{path} = {value!r}'
    for path, value in _leaves(config.to_dict())
  )


def places(name: str) -> list[str]:
  """Returns the paths of the fields that have a name.

  >>> places('ipc'), places('epochs')
  (['synthetic.ipc'], ['evaluation.epochs', 'experts.epochs'])
  """
  paths = [path for path, _ in _leaves(defaults.config().to_dict())]
  return [path for path in paths if path.rpartition('.')[2] == name]


def _leaves(tree: Mapping[str, Any], above: str = '') -> Iterator[Any]:
  """Yields dotted paths with their values."""
  for key, value in tree.items():
    path = f'{above}.{key}' if above else key
    if isinstance(value, dict) and value:
      yield from _leaves(value, path)
    else:
      yield path, value


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
  out: dict[str, Any] = {}
  for key, value in new.items():
    if isinstance(value, dict) and value:
      if below := _changes(old[key], value):
        out[key] = below
    elif old[key] != value:
      out[key] = value
  return out
