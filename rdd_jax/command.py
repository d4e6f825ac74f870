"""How every command of the package starts, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
import re
import sys
from typing import NoReturn

from absl import app, flags, logging

from rdd_jax import mesh
from rdd_jax.errors import UserError

_USER_ERROR = f'{UserError.__module__}.{UserError.__qualname__}'


def start(main: Callable[[list[str]], None]) -> None:
  """Runs `main(argv)`; an error that a user is meant to read is one line."""
  logging.set_verbosity(logging.WARNING)
  try:
    app.run(main, flags_parser=_parse)
  except UserError as error:
    fail(str(error))
  except FileNotFoundError as error:
    fail(str(error))
  except OSError as error:
    fail(
      f'{error}; what was saved before is intact: free some space, or choose '
      'another --workdir'
    )


def _parse(argv: list[str]) -> list[str]:
  """Where a misspelt --config.field and a config file's own error show."""
  try:
    return flags.FLAGS(argv)
  except (flags.Error, AttributeError, KeyError, TypeError) as error:
    # A config file's error comes with its traceback; its last line says it.
    text = str(error.args[0] if error.args else error)
    for given in argv:
      for name in _fields(given):
        if isinstance(error, KeyError) and f"'{name}'" in text:
          hint = re.search(r'Did you mean "(\w+)"', text)
          fail(
            f'{given}: this configuration has no field {name!r}'
            + (f'; did you mean {hint[1]!r}?' if hint else '')
            + '; rdd_jax/defaults.py lists the fields of every run'
          )
    fail(text.strip().splitlines()[-1].removeprefix(f'{_USER_ERROR}: '))


def _fields(flag: str) -> list[str]:
  """Of `--config.a.b=1`, its path: `['a', 'b']`."""
  path = flag.lstrip('-').partition('=')[0].split('.')
  return path[1:] if path[0] == 'config' else []


def fail(message: str) -> NoReturn:
  """Prints one line and leaves with status 2."""
  line = ' '.join(message.split())
  print(f'error: {line}', file=sys.stderr)
  mesh.leave(2)
