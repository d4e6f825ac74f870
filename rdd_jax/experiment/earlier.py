"""Puts aside the sets of a run that others take the place of."""

from __future__ import annotations

from collections.abc import Iterator
import filecmp
from itertools import count
from pathlib import Path

from rdd_jax.artifact import store
from rdd_jax.experiment.changed import seeds
from rdd_jax.experiment.teacher import FILE as TEACHER
from rdd_jax.runtime.files import sum_of

# Below the directory of a seed, for sets of fewer steps, or of other labels.
EARLIER = 'earlier'


def put_aside(directory: Path, name: str, *, labels: bool = False) -> str:
  """Moves the sets of a run to where earlier ones are, and overwrites none.

  Where another set of that name is there, they go to `NAME-2`, `NAME-3` and so
  on. The same again does no harm.

  Args:
    directory: the work directory.
    name: of what they were: 'steps-100', or 'labels-hard'.
    labels: whether baselines go with them, and who labeled them.

  Returns:
    What happened, in words; '' where there was nothing to move.
  """
  found = [
    (seed, file) for seed in seeds(directory) for file in _files(seed, labels)
  ]
  if not found:
    return ''
  names = (f'{name}-{n}' if n > 1 else name for n in count(1))
  free = next(
    name
    for name in names
    if all(
      _fits(seed / file, seed / EARLIER / name / file) for seed, file in found
    )
  )
  for seed, file in found:
    where = seed / EARLIER / free / file
    where.parent.mkdir(parents=True, exist_ok=True)
    (seed / file).replace(where)
  return f'what was finished is in {EARLIER}/{free}'


def _files(seed: Path, labels: bool) -> Iterator[Path]:
  """Yields what is to be moved, below the directory of a seed."""
  sets = sorted((seed / 'baselines').glob('*/')) if labels else []
  sets.append(seed)  # after them: by it one knows that all are to be moved
  files = [path / name for path in sets for name in (store.ARRAYS, store.CARD)]
  if labels:  # a set that is there has its teacher
    teacher = seed / TEACHER
    files += [teacher, sum_of(teacher)]
  yield from (path.relative_to(seed) for path in files if path.exists())


def _fits(path: Path, where: Path) -> bool:
  """Whether nothing else is where a file is to go."""
  return not where.exists() or filecmp.cmp(path, where, shallow=False)
