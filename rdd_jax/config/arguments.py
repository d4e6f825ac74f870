"""Argument strings of configurations, `FILE.py:ipc=1,smoke`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import textwrap
from typing import Any

from rdd_jax.core.errors import UserError, choose

SHOW = 'show'  # accepted by every configuration; `config.flags` acts on it

# Arguments that had another name.
RENAMED = {'defence': 'defense'}


@dataclass(frozen=True)
class Argument:
  """An argument of a configuration.

  Attributes:
    default: its value where none is given; has the type of any other.
    meaning: half a sentence.
    choices: all its values, or () if there are too many. `oe:SOURCE` stands for
      any value that begins with `oe:`.
  """

  default: Any
  meaning: str = ''
  choices: tuple[str, ...] = ()


def split(arg: str, **fields: Any) -> tuple[dict[str, Any], str]:
  """Returns the values of some keys of an argument string, and its rest.

  >>> split('ipc=1,method=dsa,smoke', method='dm', loss='reject')
  ({'method': 'dsa', 'loss': 'reject'}, 'ipc=1,smoke')

  Args:
    arg: as `parse` takes it.
    **fields: the keys, likewise.

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
    arg: comma-separated `key=value`; a bare key means true. The last value of
      a key counts.
    **fields: the keys there are: `Argument`s, or defaults, whose types are
      kept.

  Raises:
    UserError: for a key there is not, or was, or a value of another type, or
      one that is not among the choices.
  """
  known = {k: _argument(v) for k, v in fields.items()}
  values = {k: v.default for k, v in known.items()}
  for item in filter(None, arg.split(',')):
    key, equals, text = item.partition('=')
    if item == SHOW:
      continue
    if key in RENAMED:
      raise UserError(
        f'config argument {key} is now called {RENAMED[key]}: '
        f'give {item.replace(key, RENAMED[key], 1)}'
      )
    argument = choose('config argument', key, known)
    values[key] = _convert(key, text if equals else 'true', argument)
  return values


def usage(fields: Mapping[str, Argument]) -> str:
  """Returns what `:help` prints of some arguments.

  >>> print(usage({'ipc': Argument(10, 'stored images of each class')}))
    ipc=10
        Stored images of each class.
  """
  wrapped = []
  for key, argument in fields.items():
    text = f'{argument.meaning[:1].upper()}{argument.meaning[1:]}.'
    if argument.choices:
      text += f' One of: {", ".join(argument.choices)}.'
    indent = 6 * ' '
    wrapped.append(f'  {key}={argument.default}')
    wrapped += textwrap.wrap(
      text, 80, initial_indent=indent, subsequent_indent=indent
    )
  return '\n'.join(wrapped)


def _argument(value: Any) -> Argument:
  return value if isinstance(value, Argument) else Argument(value)


def _convert(key: str, text: str, argument: Argument) -> Any:
  default, choices = argument.default, argument.choices
  kind = type(default)
  try:
    if kind is bool:
      return {'true': True, '1': True, 'false': False, '0': False}[text.lower()]
    value = kind(text)
  except (ValueError, KeyError):
    raise UserError(
      f'config argument {key}={text}: expected {kind.__name__}, '
      f'such as {key}={default}'
    ) from None
  if choices and value != default:
    heads = {choice.partition(':')[0]: choice for choice in choices}
    choose(key, value.partition(':')[0], heads)
  return value
