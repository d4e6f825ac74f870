"""`python -m rdd_jax.convert PATH --to=FORMAT --out=DIR`: sets for others.

| format | what is written | what is lost |
|---|---|---|
| `npz` | `set.npz`, with the card | nothing |
| `safetensors` | `set.safetensors`, with the card as metadata | nothing |
| `tfds` | `NAME/1.0.0` of array_record, with test rows | the card; images |
| | | are 8-bit, floats stand beside them |
| `folder` | PNGs in a directory for each class | what it prints |
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys

from rdd_jax.artifact import export, store
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import third_party
from rdd_jax.experiment.judge import load as load_dataset


def convert(path: Path, to: str, out: Path, data_dir: str = '') -> list[str]:
  """Converts a set.

  Args:
    path: of a set of ours, or of a file that carries its card.
    to: one of `FORMATS`.
    out: the directory to write to; there must be nothing in it.
    data_dir: where TFDS data sets are.

  Returns:
    Lines that say what was written, how to read it, and what was lost.

  Raises:
    UserError: if the set cannot be read, or `out` is in use.
  """
  distilled = (
    store.load(path)
    if third_party.is_ours(path)
    else third_party.self_described(path)
  )
  if distilled is None:
    raise UserError(
      f'{path} has no card of ours; make it an artefact first, by python -m '
      f'rdd_jax.evaluate {path} --dataset=NAME --report=DIR'
    )
  if out.exists() and (not out.is_dir() or any(out.iterdir())):
    raise UserError(f'{out} is in use; choose another --out, or empty it')
  out.mkdir(parents=True, exist_ok=True)
  return FORMATS[to](distilled, out, data_dir)


def _npz(distilled: store.Distilled, out: Path, _: str) -> list[str]:
  export.write_npz(out / 'set.npz', distilled)
  return [f'{out / "set.npz"}: all of it, with its card']


def _safetensors(distilled: store.Distilled, out: Path, _: str) -> list[str]:
  export.write_safetensors(out / 'set.safetensors', distilled)
  return [f'{out / "set.safetensors"}: all of it, with its card']


def _folder(distilled: store.Distilled, out: Path, _: str) -> list[str]:
  export.write_folder(out, distilled)
  return [f'{out}: PNGs by class', *export.losses(distilled)]


def _tfds(distilled: store.Distilled, out: Path, data_dir: str) -> list[str]:
  try:
    dataset = load_dataset(distilled.card, data_dir)
    more = []
  except UserError as error:
    dataset = None
    more = [f'no test rows, as their data set is not here ({error})']
  written = export.write_tfds(out, distilled, dataset)
  name = written.parent.name
  reads = "load_split('tfds:{}', 'train'" if more else "load('tfds:{}'"
  return [
    f'{written}: array_record',
    f"rdd_jax.data.{reads.format(name)}, data_dir='{out}') reads it",
    *more,
  ]


FORMATS: dict[str, Callable[[store.Distilled, Path, str], list[str]]] = {
  'npz': _npz,
  'safetensors': _safetensors,
  'tfds': _tfds,
  'folder': _folder,
}


def parser() -> argparse.ArgumentParser:
  """What the command takes."""
  made = argparse.ArgumentParser(
    prog='python -m rdd_jax.convert',
    description='Write a distilled set in a format of others.',
  )
  made.add_argument('path', type=Path, help='runs/NAME, or a file of ours')
  made.add_argument('--to', required=True, choices=list(FORMATS))
  made.add_argument('--out', required=True, type=Path, help='a new directory')
  made.add_argument('--data_dir', default='', help='of TFDS data sets')
  return made


def main(argv: Sequence[str] | None = None) -> int:
  """The command; returns the exit status."""
  given = parser().parse_args(argv)
  try:
    lines = convert(given.path, given.to, given.out, given.data_dir)
  except (UserError, OSError) as error:
    print(f'error: {error}', file=sys.stderr)
    return 2
  print('\n'.join(lines))
  return 0


if __name__ == '__main__':
  sys.exit(main())
