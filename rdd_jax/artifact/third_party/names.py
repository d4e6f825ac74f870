"""Classes of others by their names, numbers, or a list of either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import re

import numpy as np

from rdd_jax.core.errors import UserError, one_line


def by_name(
  labels: np.ndarray,
  given: Sequence[str],
  names: Sequence[str],
  where: str,
  listed: Sequence[str] = (),
) -> tuple[np.ndarray, tuple[str, ...]]:
  """Translates labels that count `given` to labels that count `names`.

  Args:
    labels: `i[n]` in `[0, len(given))`.
    given: names of classes: those of the data set, or with their numbers
      ('7', 'new007', '007_horse').
    names: of the data set whose test rows are used.
    where: what errors call the names.
    listed: what `given` has for each of `names`, from `read_names`.

  Returns:
    Labels `i[n]`, and a note where names were taken as numbers.

  Raises:
    UserError: for names that are none of this, or two of one class.

  >>> labels, notes = by_name(np.array([0, 1]), ('new1', 'new0'), 'ab', 'it')
  >>> labels.tolist()
  [1, 0]
  """
  notes: tuple[str, ...] = ()
  tails = [re.sub(r'^\d+[_\-. ]+', '', name) for name in given]
  known = listed or names
  if set(given) <= set(known):
    found = [list(known).index(name) for name in given]
  elif not listed and set(tails) <= set(names):
    found = [list(names).index(name) for name in tails]
  elif not listed and (numbers := _numbers(given, len(names))):
    found = numbers
    told = ', '.join(
      f'{g} is {names[n]}' for g, n in zip(given, found, strict=True)
    )
    notes = (
      f'classes taken by the numbers in their names, from 0: {told[:200]}; '
      '--classes=FILE lists names in the order of the classes',
    )
  else:
    raise UserError(_strange(given, known, where, bool(listed)))
  if len(set(found)) < len(found):
    raise UserError(
      f'{where} has two names of one class among {", ".join(given[:10])}; '
      'rename one, or pass --classes=FILE with one name a line for each class'
    )
  return np.asarray(found)[labels], notes


def read_names(path: Path, names: Sequence[str]) -> tuple[str, ...]:
  """Reads what a set calls each class: a name a line, in order.

  Args:
    path: of the text file.
    names: of the classes of the data set.

  Raises:
    UserError: if it cannot be read, or has another number of names, or one
      twice.
  """
  try:
    lines = path.read_text().splitlines()
  except (OSError, UnicodeDecodeError) as error:
    raise UserError(
      f'cannot read --classes={path} ({one_line(error)}); give a text file '
      'with a name on each line'
    ) from error
  found = tuple(line.strip() for line in lines if line.strip())
  if len(found) != len(names) or len(set(found)) < len(found):
    raise UserError(
      f'--classes={path} has {len(found)} names, {len(set(found))} of them '
      f'different, for {len(names)} classes; give one for each, in the order '
      f'{", ".join(names[:5])}{", ..." if len(names) > 5 else ""}'
    )
  return found


def absent(cells: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
  """Returns a note that names the classes without any image, or nothing.

  Args:
    cells: `i[n]`, the class of each row.
    names: of the classes.

  >>> absent(np.array([0]), ('cat', 'dog'))
  ('WARNING: no image of 1 of 2 classes: dog',)
  """
  missing = [name for c, name in enumerate(names) if c not in set(cells.flat)]
  if not missing:
    return ()
  told = ', '.join(missing[:10]) + (', ...' if len(missing) > 10 else '')
  return (
    f'WARNING: no image of {len(missing)} of {len(names)} classes: {told}',
  )


def _numbers(given: Sequence[str], classes: int) -> list[int]:
  """The numbers from 0 in names that are otherwise alike; or none."""
  pattern = re.compile(r'(\D*)(\d+)(?:[_\-. ].*)?')
  found = [pattern.fullmatch(name) for name in given]
  if not all(found) or len({match[1] for match in found if match}) > 1:
    return []
  numbers = [int(match[2]) for match in found if match]
  return numbers if max(numbers) < classes else []


def _strange(
  given: Sequence[str], known: Sequence[str], where: str, listed: bool
) -> str:
  strange = next(name for name in given if name not in known)
  told = f'{", ".join(known[:10])}{", ..." if len(known) > 10 else ""}'
  if listed:
    return (
      f'{where} has a class {strange!r}, which --classes does not list (it '
      f'has {told}); list it'
    )
  return (
    f'{where} has a class {strange!r}, but the data set has {told}; pass '
    '--classes=FILE with one of its names a line, in the order of these, or '
    'rename the directories'
  )
