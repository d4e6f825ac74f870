"""Lists and starts the commands: `python -m rdd_jax [COMMAND ...]`, `rdd-jax`.

`rdd-jax evaluate PATH` is `python -m rdd_jax.evaluate PATH`, and so all others.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
import importlib.util
from pathlib import Path
import runpy
import sys

import rdd_jax
from rdd_jax.core.errors import UserError, choose

COMMANDS = {
  'main': 'rdd_jax.main',
  'evaluate': 'rdd_jax.evaluate',
  'convert': 'rdd_jax.convert',
  'compare': 'rdd_jax.compare.__main__',
  'sweep': 'rdd_jax.sweep',
  'plan': 'rdd_jax.plan.__main__',
  'bench': 'rdd_jax.bench.__main__',
  'prepare': 'rdd_jax.data.prepare',
  'records': 'rdd_jax.records.__main__',
}


def main(argv: Sequence[str] | None = None) -> int:
  """Starts a command, which leaves with its own status, or lists them all.

  Args:
    argv: the command and its arguments; None takes those of the process.

  Returns:
    The status: 0, or 2 for an unknown command, whose error names the nearest.
  """
  name, *rest = (sys.argv[1:] if argv is None else argv) or ['--help']
  if name in ('--help', '-h', 'help'):
    print(listing())
    return 0
  if name == '--version':
    print(f'rdd_jax {rdd_jax.__version__}')
    return 0
  try:
    module = choose('command', name, COMMANDS)
  except UserError as error:
    print(f'error: {error}', file=sys.stderr)
    return 2
  sys.argv = [name, *rest]
  # As `python -m` does, so that flags and their help are the command's own.
  runpy.run_module(module, run_name='__main__', alter_sys=True)
  return 0


def listing() -> str:
  """Returns the commands, a line each, by the docstrings of their modules."""
  width = max(map(len, COMMANDS))
  lines = [f'  {name:{width}}  {said(COMMANDS[name])}' for name in COMMANDS]
  return '\n'.join(
    [
      f'rdd_jax {rdd_jax.__version__}: robust dataset distillation in JAX.',
      '',
      'rdd-jax COMMAND ..., or python -m rdd_jax COMMAND ...:',
      *lines,
      '',
      'rdd-jax COMMAND --help lists the flags of a command.',
    ]
  )


def said(module: str) -> str:
  """Returns what a module's docstring says first, without importing it.

  >>> said('rdd_jax.evaluate')
  'Evaluates a distilled set.'
  """
  spec = importlib.util.find_spec(module)
  assert spec is not None  # a test imports them all
  assert spec.origin is not None
  text = ast.get_docstring(ast.parse(Path(spec.origin).read_text()))
  first = (text or '').partition('\n')[0]
  return first.partition(': `')[0].rstrip('.') + '.'


if __name__ == '__main__':
  sys.exit(main())
