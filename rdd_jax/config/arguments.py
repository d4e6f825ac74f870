"""Parses argument strings of configurations."""

from __future__ import annotations

from typing import Any

from rdd_jax.core.errors import UserError, choose


def split(arg: str, **fields: Any) -> tuple[dict[str, Any], str]:
  """Splits an argument string: the values of some keys, and the rest.

  Args:
    arg: as `parse` takes it.
    **fields: the keys, with defaults, whose types are kept.

  Returns:
    The values by key, and the items of `arg` that have other keys.

  Raises:
    UserError: for a value of another type.

  >>> split('ipc=1,method=dsa,smoke', method='dm', loss='reject')
  ({'method': 'dsa', 'loss': 'reject'}, 'ipc=1,smoke')
  """
  items = [item for item in arg.split(',') if item]
  own = [item for item in items if item.partition('=')[0] in fields]
  rest = [item for item in items if item not in own]
  return parse(','.join(own), **fields), ','.join(rest)


def parse(arg: str, **fields: Any) -> dict[str, Any]:
  """Parses the argument string of a config, `ipc=10,seed=3,smoke`.

  Args:
    arg: comma-separated `key=value`; a bare key means true.
    **fields: the known keys, with defaults, whose types are kept.

  Returns:
    Every key to its value or default.

  Raises:
    UserError: for an unknown key, or a value of another type.

  >>> parse('ipc=1,smoke', ipc=10, smoke=False)
  {'ipc': 1, 'smoke': True}
  """
  values = dict(fields)
  for item in filter(None, arg.split(',')):
    key, equals, text = item.partition('=')
    default = choose('config argument', key, fields)
    values[key] = _convert(key, text if equals else 'true', default)
  return values


def _convert(key: str, text: str, default: Any) -> Any:
  kind = type(default)
  try:
    if kind is bool:
      return {'true': True, '1': True, 'false': False, '0': False}[text.lower()]
    return kind(text)
  except (ValueError, KeyError):
    raise UserError(
      f'config argument {key}={text}: expected {kind.__name__}, '
      f'such as {key}={default}'
    ) from None
