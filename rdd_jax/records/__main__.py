"""Renders the tables of the README and of docs/: `python -m rdd_jax.records`.

Reads `docs/results/data/NAME.json` for each mark `<!-- table: NAME -->`, and
rewrites the pages that differ. `--check` only names them, and fails; `--list`
says of every record when and by which commit it was made.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from rdd_jax.core.errors import UserError
from rdd_jax.records.record import DIRECTORY, read
from rdd_jax.records.render import page
from rdd_jax.runtime import cli
from rdd_jax.runtime.files import write_out

_CHECK = flags.DEFINE_bool('check', False, 'Change nothing; name what differs.')


_LIST = flags.DEFINE_bool('list', False, 'List the records, and render none.')


def pages(root: Path) -> list[Path]:
  """Lists the pages that may have tables, below the root of a checkout."""
  return [root / 'README.md', *sorted((root / 'docs').rglob('*.md'))]


def outdated(root: Path) -> dict[Path, str]:
  """Returns the pages that differ from what their records render, rendered.

  Args:
    root: of a checkout.
  """
  found = {}
  for path in pages(root):
    text = path.read_text()
    new = page(text, root / DIRECTORY)
    if new != text:
      found[path] = new
  return found


def listing(directory: Path) -> str:
  """Lists the records of a directory, those that were carried over last.

  Args:
    directory: of the records.
  """
  found = {path.stem: read(path) for path in directory.glob('*.json')}
  names = sorted(found, key=lambda name: (found[name].carried_over, name))
  old = sum(one.carried_over for one in found.values())
  lines = [
    f'{name:{max(map(len, names))}}  {found[name].date}  {found[name].commit:8}'
    + ('  carried over' if found[name].carried_over else '')
    for name in names
  ]
  total = f'{len(found) - old} recorded, {old} carried over'
  return '\n'.join([*(line.rstrip() for line in lines), total])


def main(argv: list[str]) -> None:
  """Renders all pages.

  Raises:
    UserError: outside of a checkout, or where `--check` finds a difference.
  """
  cli.no_arguments(argv)
  if not DIRECTORY.is_dir():
    raise UserError(f'there is no {DIRECTORY} here: start where setup.py is')
  if _LIST.value:
    print(listing(DIRECTORY))
    return
  found = outdated(Path())
  if _CHECK.value and found:
    names = ', '.join(map(str, found))
    raise UserError(f'{names}: not as rendered; run python -m rdd_jax.records')
  for path, text in found.items():
    write_out(path, text)
    print(f'rendered {path}')


if __name__ == '__main__':
  cli.start(main)
