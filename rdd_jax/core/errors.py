"""The one error that a user, not a developer, is meant to read."""

from __future__ import annotations

from collections.abc import Mapping
import difflib
from typing import TypeVar

T = TypeVar('T')


class UserError(ValueError):
  """Bad input: one line that says what was wrong, what was given, what to do.

  `python -m rdd_jax.main` prints the line and exits with status 2; a library
  user catches it as an ordinary `ValueError`.
  """


def choose(what: str, name: str, table: Mapping[str, T]) -> T:
  """Returns the entry of that name.

  Args:
    what: the table is of, for the error: 'network'.
    name: to look up.
    table: the entries by name.

  Raises:
    UserError: for an unknown name, with the nearest one.

  >>> choose('number', 'one', {'one': 1})
  1
  """
  if name in table:
    return table[name]
  near = difflib.get_close_matches(name, table, 1, 0.5)
  hint = f'did you mean {near[0]!r}? ' if near else ''
  there = ', '.join(filter(None, table))  # '' stands for a default
  raise UserError(f'unknown {what} {name!r}: {hint}there is {there}')


def one_line(error: Exception) -> str:
  """Returns an error's type and message in one line, for a `UserError`.

  >>> one_line(OSError('no\\n  space'))
  'OSError: no space'
  """
  return f'{type(error).__name__}: {" ".join(str(error).split())}'
