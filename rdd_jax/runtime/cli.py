"""Starts the commands of the package, and prints their errors in one line."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import difflib
import errno
from functools import partial
from logging import CRITICAL, getLogger
import os
from pathlib import Path
import re
import signal
import sys
from typing import NoReturn

from absl import app, flags, logging

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import files, renamed, stopping
from rdd_jax.runtime.emitters import choose_emitters

NO_READER = 128 + signal.SIGPIPE  # as shells have it
HELP = ('--help', '-help', '-h')
# Flags that say where something is written.
PLACES = ('workdir', 'out', 'report', 'html', 'csv')
# What such an error says is all that there is to it.
IN_THE_WAY = (IsADirectoryError, NotADirectoryError, FileExistsError)
CONFIGS = Path('configs')  # where those of the library are, from its clone
_USER_ERROR = f'{UserError.__module__}.{UserError.__qualname__}'


Hint = Callable[[str], str]


def start(
  main: Callable[[list[str]], None],
  hint: Hint = lambda flag: '',
  *,
  resumes: bool = False,
) -> None:
  """Runs `main(argv)`; prints a user's error as one line, with status 2.

  A command that a signal stops prints how to go on, see `stopping`, and leaves
  with 128 and the number of the signal.

  Args:
    main: the command.
    hint: from a flag that may be the cause of an error while flags are parsed,
      such as `--config.ipc=2`, to what is wrong with it and what to type; ''
      where nothing is known.
    resumes: whether the same command resumes what was stopped.
  """
  stopping.watch(resumes)
  logging.set_verbosity(logging.WARNING)
  # It prints the traceback of what `_of_reader` says in one line.
  getLogger('jax._src.callback').setLevel(CRITICAL)
  choose_emitters()
  try:
    app.run(main, flags_parser=partial(_parse, hint=hint))
  except (stopping.Stopped, KeyboardInterrupt):
    stopping.leave()
  except Exception as error:
    if stopping.asked():  # an import that is interrupted is another error
      stopping.leave(saved=False)
    _explain(error)
    raise


def _explain(error: Exception) -> None:
  """Fails with one line, if an error has one for the user."""
  if isinstance(error, UserError | FileNotFoundError):
    fail(str(error))
  if found := _of_reader(error):
    fail(found)
  if isinstance(error, OSError):
    if os.strerror(errno.EPIPE) in str(error):
      _leave_quietly()
    known = error.errno is None or isinstance(error, IN_THE_WAY)
    fail(str(error) if known else f'{error}; {_advice(error)}')


def _advice(error: OSError) -> str:
  """What to do about a file, by the flags that the command has."""
  what = files.advice(error)
  if what == files.UNREAD:
    return what
  there = [f'--{name}' for name in PLACES if name in flags.FLAGS]
  other = f', or choose another {" or ".join(there)}' if there else ''
  return f'what was saved before is intact: {what}{other}'


def _of_reader(error: Exception) -> str:
  """What a reader of images said, if a compiled program ended by that."""
  streamed = sys.modules.get('rdd_jax.core.streamed')  # which imports JAX
  known = streamed and streamed.failure()
  return str(known) if known is not None and str(known) in str(error) else ''


def _leave_quietly() -> NoReturn:
  """Ends a command whose output nobody reads to its end, as `| head` does."""
  # Or Python says so once more as it closes what is left to be written.
  os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  sys.exit(NO_READER)


def no_arguments(argv: list[str]) -> None:
  """Refuses whatever stands beside the flags of a command.

  >>> no_arguments(['rdd_jax/main.py'])

  Raises:
    UserError: if there is anything.
  """
  if len(argv) > 1:
    raise UserError(f'unknown argument {argv[1]!r}: flags begin with --')


def _parse(argv: list[str], hint: Hint) -> list[str]:
  """Parses the flags; a misspelt one or a config file's error is one line."""
  argv = _asking_files(argv)
  _require_files(argv)
  try:
    return flags.FLAGS(argv)
  except (flags.Error, AttributeError, KeyError, TypeError) as error:
    # A config file's error comes with its traceback; its last line says it.
    text = str(error.args[0] if error.args else error)
    for flag in argv[1:]:
      if found := hint(flag):
        fail(found)
    _explain_missing(text, argv)
    _explain_number(text)
    fail(text.strip().splitlines()[-1].removeprefix(f'{_USER_ERROR}: '))


def _asking_files(argv: list[str]) -> list[str]:
  """Turns `--config=FILE.py:a=1 --help` into `--config=FILE.py:a=1,help`."""
  rest = [flag for flag in argv if flag not in HELP]
  there = [i for i, flag in enumerate(rest[1:], 1) if '.py' in flag]
  if rest == argv or not there:
    return argv
  path, suffix, asked = rest[there[0]].partition('.py')
  rest[there[0]] = f'{path}{suffix}:{asked.lstrip(":")},help'
  return rest


def _explain_number(text: str) -> None:
  """Fails if a flag was given what is not the number that it takes."""
  found = re.match(
    r'flag (--[^=]+)=(.*): (invalid literal|could not conv)', text
  )
  if not found:
    return
  flag, value, kind = found.groups()
  wanted = 'a whole number' if kind == 'invalid literal' else 'a number'
  example = ''
  with contextlib.suppress(ValueError, OverflowError):
    example = f', such as {flag}={int(float(value))}'
  fail(f'{flag}={value}: give {wanted}{example}')


def _require_files(argv: list[str]) -> None:
  """Fails if a Python file that a flag names is not there, with the nearest."""
  for flag, text in zip(argv, [*argv[1:], ''], strict=True):
    name, equals, value = flag.partition('=')
    path = Path((value if equals else text).partition(':')[0])
    is_flag = name.startswith('-') and not str(path).startswith('-')
    if not is_flag or path.suffix != '.py' or path.exists():
      continue
    folder = path.parent
    if CONFIGS.is_dir() and not (folder.is_dir() and folder != Path()):
      folder = CONFIGS
    there = [file.name for file in folder.glob('*.py')]
    near = difflib.get_close_matches(path.name, there, 1, 0.5)
    advice = (
      f'did you mean {folder / near[0]}?'
      if near
      else f'give one of {len(there)} in {folder}'
      if there
      else 'give the path of a configuration'
    )
    fail(f'{name}={path}: there is no such file; {advice}')


def _explain_missing(text: str, argv: list[str]) -> None:
  """Fails if this is of a field that is not there: then little but its name."""
  missing = re.match(r'[\\\'"]*(\w+)[\\\'"]*(\\n|\n|$)', text)
  hint = re.search(r'Did you mean "(\w+)"', text)
  for flag in argv:
    path = flag.lstrip('-').partition('=')[0].split('.')
    if missing and path[0] == 'config' and missing[1] in path[1:]:
      if now := renamed.find('.'.join(path[1:])):
        fail(f'{flag}: this field is now {now}')
      fail(
        f'{flag}: this configuration has no field {missing[1]!r}'
        + (f' (did you mean {hint[1]!r}?)' if hint else '')
        + '; rdd_jax/config/defaults.py lists the fields of every run'
      )


def fail(message: str, status: int = 2) -> NoReturn:
  """Prints one line and leaves with a status.

  Args:
    message: the line.
    status: of the process.
  """
  line = ' '.join(message.split())
  print(f'error: {line}', file=sys.stderr)
  if 'jax' not in sys.modules:  # and so no other process to leave
    sys.exit(status)
  from rdd_jax.runtime import distributed

  distributed.leave(status)
