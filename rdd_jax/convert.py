"""Writes a set for others: `python -m rdd_jax.convert PATH --to=npz --out=DIR`.

PATH is a run's directory, or anything below that carries its card.
`rdd_jax.load` reads them all.

| format | what is written | what is lost |
|---|---|---|
| `npz` | `set.npz`, with the card | nothing |
| `safetensors` | `set.safetensors`, with the card as metadata | nothing |
| `tfds` | `NAME/1.0.0` of array_record, with test | nothing: images are |
| | rows, and `card.npz` | 8-bit, floats beside them |
| `folder` | PNGs in a directory for each class, `card.npz` | what it prints |

A teacher that labels views is kept by `npz` and `safetensors` alone.

`python -m rdd_jax.convert RUN --relabel=PHOTOS` says which images of a folder
would go to another class, by the run's `relabeled.csv`; with `--out=DIR` it
copies them there, or links them, with `--link`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from absl import flags

from rdd_jax.config import code
from rdd_jax.core.errors import UserError
from rdd_jax.runtime import cli

flags.adopt_module_key_flags(code)
# Where two commands are imported, as by tests, each may have its own --out.
_string = partial(flags.DEFINE_string, allow_override=True)
_TO = _string('to', None, 'npz, safetensors, tfds or folder.')
_OUT = _string('out', None, 'A new directory.')
_RELABEL = _string('relabel', None, 'The folder of images that RUN cleaned.')
_LINK = flags.DEFINE_bool('link', False, 'Links images instead of copying.')
_DATA_DIR = _string('data_dir', None, 'The TFDS directory.')


def convert(
  path: Path,
  to: str,
  out: Path,
  data_dir: str = '',
  *,
  allow_code: bool = False,
) -> list[str]:
  """Converts a set.

  Args:
    path: of a set of ours, or of a file that carries its card.
    to: one of `FORMATS`.
    out: the directory to write to; there must be nothing in it.
    data_dir: where TFDS data sets are.
    allow_code: whether a function that the card names as data set is called.

  Returns:
    Lines that say what was written, how to read it, and what was lost.

  Raises:
    UserError: if the format is unknown, the set cannot be read, or `out` is
      in use.
  """
  from rdd_jax.artifact.load import load
  from rdd_jax.experiment.formats import FORMATS, export

  if to not in FORMATS:
    raise UserError(f'--to={to}: give one of {", ".join(FORMATS)}')
  found = load(path)
  return export(found, to, out, data_dir=data_dir, allow_code=allow_code)


def relabel(
  run: Path, folder: Path, out: Path | None, *, link: bool = False
) -> list[str]:
  """Says how a cleaned folder changes, and writes it again.

  Args:
    run: the work directory, or its `relabeled.csv`.
    folder: of the images, as it was read.
    out: a new directory; None only says what would be done.
    link: makes symbolic links in the place of copies.

  Returns:
    Lines that say so.

  Raises:
    UserError: if the table or files are not there, or `out` is in use.
  """
  from rdd_jax.artifact.export import relabel as relabeling
  from rdd_jax.experiment.formats import claimed

  table = run / 'relabeled.csv' if run.is_dir() else run
  found = relabeling.plan(table, folder)
  lines = relabeling.describe(found)
  if out is None:
    return [*lines, 'nothing is written: add --out=DIR, and --link for links']
  with claimed(out):
    relabeling.write(found, out, link=link)
  return [*lines, f'{out}: a directory for each class; {folder} is as it was']


def main(argv: list[str]) -> None:
  """Converts what the flags say, and prints what was written."""
  from rdd_jax.experiment.formats import FORMATS

  if len(argv) == 2 and _RELABEL.value:
    out = Path(_OUT.value) if _OUT.value else None
    folder = Path(_RELABEL.value)
    print('\n'.join(relabel(Path(argv[1]), folder, out, link=_LINK.value)))
    return
  if len(argv) != 2 or not _TO.value or not _OUT.value:
    raise UserError(
      'give one distilled set, a format and a new directory: python -m '
      f'rdd_jax.convert RUNS/NAME --to={"|".join(FORMATS)} --out=DIR'
    )
  lines = convert(
    Path(argv[1]),
    _TO.value,
    Path(_OUT.value),
    _DATA_DIR.value or '',
    allow_code=code.ALLOW_CODE.value,
  )
  print('\n'.join(lines))


if __name__ == '__main__':
  cli.start(main)
