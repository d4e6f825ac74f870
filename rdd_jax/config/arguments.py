"""Argument strings of configurations."""

from __future__ import annotations

from typing import Any

from rdd_jax.core.errors import UserError, choose


def split(arg: str, **fields: Any) -> tuple[dict[str, Any], str]:
  """The values of some keys of an argument string, and the rest of it.

  >>> split('ipc=1,method=dsa,smoke', method='dm', loss='reject')
  ({'method': 'dsa', 'loss': 'reject'}, 'ipc=1,smoke')

  Args:
    arg: as `parse` takes it.
    **fields: the keys, with defaults, whose types are kept.

  Raises:
    UserError: for a value of another type.
  """
  items = [item for item in arg.split(',') if item]
  own = [item for item in items if item.partition('=')[0] in fields]
  rest = [item for item in items if item not in own]
  return parse(','.join(own), **fields), ','.join(rest)


def parse(arg: str, **fields: Any) -> dict[str, Any]:
  """Reads the argument string of a config, `ipc=10,seed=3,smoke`.

  >>> parse('ipc=1,smoke', ipc=10, smoke=False)
  {'ipc': 1, 'smoke': True}

  Args:
    arg: comma-separated `key=value`; a bare key means true.
    **fields: the keys there are, with defaults, whose types are kept.

  Raises:
    UserError: for a key there is not, or a value of another type.
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
