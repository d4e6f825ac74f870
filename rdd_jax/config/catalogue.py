"""The catalogue of config files: `python -m rdd_jax.config.catalogue`.

Prints what configs/README.md holds, from the docstrings of the files in
configs/ and the tables of methods and arguments.
"""

from __future__ import annotations

import ast
from pathlib import Path
import re
from typing import NamedTuple

from rdd_jax.config.arguments import Argument
from rdd_jax.config.presets.options import ARGUMENTS, TAUGHT

MEASURED, NOT_RUN = 'Measured: ', 'Not run: '
_NUMBER = re.compile(r'[^:,;()]*?(?<![\w.=-])\+?\d+\.\d(?: ± \d+\.\d)?')

HEAD = """# Configurations

One file for a method and a data set. Written by `python -m
rdd_jax.config.catalogue > configs/README.md` from the files and the registry.

A number is the first that a file reports; it is often of a shortened run, which
the file describes. `--config=FILE.py:help` prints what a file takes, and
`--config=FILE.py:show` every field of its configuration.

| config | paper | status | number | command |
|---|---|---|---|---|
"""


class Entry(NamedTuple):
  """What a config file says of itself.

  Attributes:
    name: of the file.
    paper: authors, venue and address.
    measured: what was measured, or ''.
    command: that runs it.
  """

  name: str
  paper: str
  measured: str
  command: str


def read(path: Path) -> Entry:
  """Returns what the docstring of a config file says.

  Raises:
    ValueError: if it lacks its paper, its status or its command.
  """
  text = ast.get_docstring(ast.parse(path.read_text())) or ''
  found = {}
  for paragraph in text.split('\n\n'):
    line = ' '.join(paragraph.split())
    for start in ('Paper: ', MEASURED, NOT_RUN, 'python -m '):
      if line.startswith(start):
        found[start] = line
  if not {'Paper: ', 'python -m '} <= set(found) or (
    (MEASURED in found) == (NOT_RUN in found)
  ):
    raise ValueError(
      f'{path}: its docstring needs paragraphs that begin with Paper:, with '
      'Measured: or Not run:, and with python -m'
    )
  return Entry(
    path.stem,
    found['Paper: '].removeprefix('Paper: '),
    found.get(MEASURED, '').removeprefix(MEASURED),
    found['python -m '],
  )


def number(measured: str) -> str:
  """Returns the first number of a report, and what it is of.

  >>> number('one distillation, ipc=10, last step: rare group 85.3 ± 1.9')
  'rare group 85.3 ± 1.9'

  Raises:
    ValueError: if there is none.
  """
  found = _NUMBER.search(measured)
  if found is None:
    raise ValueError(f'no number such as 85.3 ± 1.9 in: {measured}')
  return found[0].strip()


def catalogue(directory: Path) -> str:
  """Returns the text of configs/README.md.

  Raises:
    ValueError: for a config file that does not say what it must.
  """
  rows = []
  for path in sorted(directory.glob('*.py')):
    entry = read(path)
    status = 'measured' if entry.measured else 'not run'
    value = number(entry.measured) if entry.measured else ''
    rows.append(
      f'| [{entry.name}]({path.name}) | {entry.paper} | {status} | {value} '
      f'| `{entry.command}` |'
    )
  named: list[tuple[str, Argument]] = []
  for name, argument in ARGUMENTS.items():
    named.append((f'`{name}`', argument))
    if name in TAUGHT:
      named.append((f'`{name}` of RDED, SRe2L', TAUGHT[name]))
  table = '\n'.join(
    f'| {name} | `{argument.default}` | '
    f'{", ".join(argument.choices)} | {argument.meaning} |'
    for name, argument in named
  )
  return (
    HEAD
    + '\n'.join(rows)
    + '\n\n## Arguments\n\nEach file takes some of these; digits have ipc=1 '
    'and width=32.\n\n| argument | default | choices | meaning |\n'
    f'|---|---|---|---|\n{table}'
  )


if __name__ == '__main__':
  print(catalogue(Path('configs')))
