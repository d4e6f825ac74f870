"""A set of ours in the formats of others, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
import os
from pathlib import Path
import shutil
from typing import TYPE_CHECKING

from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError, choose
from rdd_jax.runtime.files import require_place

if TYPE_CHECKING:
  from rdd_jax.artifact.store import Distilled


def export(
  artifact: Distilled,
  to: str,
  out: str | os.PathLike[str],
  *,
  data_dir: str = '',
  allow_code: bool = False,
) -> list[str]:
  """Writes a set in another format, which `rdd_jax.load` reads again.

  Args:
    artifact: the set.
    to: 'npz' or 'safetensors', which keep all of it; 'tfds', which keeps all
      but a teacher and brings test rows, tiles as images of their own; or
      'folder', PNGs by class.
    out: the directory to write to; there must be nothing in it.
    data_dir: where TFDS data sets are, for test rows.
    allow_code: whether a function that the card names as data set is called,
      for test rows.

  Returns:
    Lines that say what was written, how to read it, and what was lost.

  Raises:
    UserError: if the format is unknown, or `out` is in use.
  """
  choose('format', to, FORMATS)
  out = Path(out)
  with claimed(out), plugins.of_card(allow_code):
    return FORMATS[to](artifact, out, data_dir)


@contextmanager
def claimed(out: Path) -> Iterator[None]:
  """Makes a directory, which does not stay where what fills it fails.

  Raises:
    UserError: if there is something in it, or it is a file.
  """
  if out.exists() and (not out.is_dir() or any(out.iterdir())):
    raise UserError(f'{out} is in use; choose another --out, or empty it')
  require_place(out, 'out', directory=True)
  made = [path for path in (out, *out.parents) if not path.exists()]
  out.mkdir(parents=True, exist_ok=True)
  try:
    yield
  except BaseException:
    for path in out.iterdir():
      shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in made:
      path.rmdir()
    raise


def _npz(distilled: Distilled, out: Path, _: str) -> list[str]:
  from rdd_jax.artifact import export as write

  write.write_npz(out / 'set.npz', distilled)
  return [f'{out / "set.npz"}: all of it, with its card']


def _safetensors(distilled: Distilled, out: Path, _: str) -> list[str]:
  from rdd_jax.artifact import export as write

  write.write_safetensors(out / 'set.safetensors', distilled)
  return [f'{out / "set.safetensors"}: all of it, with its card']


def _folder(distilled: Distilled, out: Path, _: str) -> list[str]:
  from rdd_jax.artifact import export as write

  distilled, lost = _without_teacher(distilled)
  write.write_folder(out, distilled)
  write.write_side(out, distilled)
  return [f'{out}: PNGs by class', *write.losses(distilled), *lost]


def _tfds(distilled: Distilled, out: Path, data_dir: str) -> list[str]:
  from rdd_jax.artifact import export as write
  from rdd_jax.experiment.of_card import load as load_dataset

  distilled, lost = _without_teacher(distilled)
  try:
    # Within what `export` allows.
    dataset = load_dataset(distilled.card, data_dir, allow_code=True)
    more = []
  except UserError as error:
    dataset = None
    more = [f'no test rows, as their data set cannot be read ({error})']
  written = write.write_tfds(out, distilled, dataset)
  write.write_side(written, distilled)
  name = written.parent.name
  reads = "load_split('tfds:{}', 'train'" if more else "load('tfds:{}'"
  return [
    f'{written}: array_record',
    f"rdd_jax.data.{reads.format(name)}, data_dir='{out}') reads it",
    *more,
    *lost,
  ]


def _without_teacher(distilled: Distilled) -> tuple[Distilled, list[str]]:
  """A set with the labels that its rows have alone, and what that loses."""
  from rdd_jax.artifact import answered

  if distilled.teacher is None:
    return distilled, []
  made = ('teacher', answered.FIELD)
  card = {k: v for k, v in distilled.card.items() if k not in made}
  card['label_kind'] = 'hard'
  lost, kept = 'the teacher was', 'it'
  if answered.FIELD in distilled.card:
    lost, kept = "a teacher's answers were", 'them'
  lost += ' left out: labels are classes; npz and safetensors keep ' + kept
  return replace(distilled, teacher=None, card=card), [lost]


FORMATS: dict[str, Callable[[Distilled, Path, str], list[str]]] = {
  'npz': _npz,
  'safetensors': _safetensors,
  'tfds': _tfds,
  'folder': _folder,
}
