"""What labels of others are: classes, probabilities or logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from rdd_jax.artifact.schema import SLACK
from rdd_jax.core.errors import UserError, choose

KINDS = ('', 'hard', 'probabilities', 'logits')


class Targets(NamedTuple):
  """Labels, understood.

  Attributes:
    targets: `f32[n, classes]`, on the simplex.
    cells: `i32[n]`, the class of each row; of soft labels the likeliest one.
    kind: which of `KINDS` they were.
  """

  targets: np.ndarray
  cells: np.ndarray
  kind: str


def targets_of(
  labels: np.ndarray, rows: int, classes: int, kind: str, where: str
) -> Targets:
  """Finds the targets and classes of labels, and what kind they are.

  Args:
    labels: classes `[rows]` or `[rows, 1]`, or scores `f[rows, classes]`.
    rows: images.
    classes: of the data set whose test rows are used.
    kind: one of `KINDS`; '' takes scores on the simplex for probabilities, and
      refuses to guess what others are. 'hard' makes classes of scores.
    where: what errors call the labels.

  Raises:
    UserError: for another shape, a class out of range, or scores that could be
      logits or anything else.
  """
  choose('label kind', kind, dict.fromkeys(KINDS))
  if labels.ndim == 2 and labels.shape[1] == 1:
    labels = labels[:, 0]
  if labels.ndim not in (1, 2) or len(labels) != rows:
    raise UserError(
      f'{where} are {list(labels.shape)} beside {rows} images; give one label, '
      'or one row of scores, for each'
    )
  if not np.isfinite(labels).all():
    raise UserError(f'{where} are not all finite; distil the set again')
  if labels.ndim == 1:
    if kind not in ('', 'hard'):
      raise UserError(
        f'{where} are {list(labels.shape)}, one number a row, and cannot be '
        f'{kind}; pass --label_kind=hard'
      )
    return _hard(labels, classes, where)
  if labels.shape[1] != classes:
    raise UserError(
      f'{where} have {labels.shape[1]} columns, but the data set has {classes} '
      'classes; pass another --dataset'
    )
  scores = labels.astype(np.float64)
  simplex = scores.min() >= -SLACK and np.all(
    np.abs(scores.sum(1) - 1) <= SLACK
  )
  if not kind and not simplex:
    raise UserError(
      f'{where} are scores from {scores.min():.3g} to {scores.max():.3g} that '
      'do not sum to one; pass --label_kind=logits if a softmax makes them '
      'probabilities, or --label_kind=hard to take the largest'
    )
  if kind == 'probabilities' and not simplex:
    raise UserError(
      f'{where} are no probabilities: from {scores.min():.3g} to '
      f'{scores.max():.3g}, sums from {scores.sum(1).min():.3g} to '
      f'{scores.sum(1).max():.3g}; pass --label_kind=logits'
    )
  if kind == 'hard':
    return _hard(scores.argmax(1), classes, where)
  found = softmax(scores, axis=1) if kind == 'logits' else scores
  kind = kind or ('hard' if np.isin(scores, (0, 1)).all() else 'probabilities')
  return Targets(
    found.astype(np.float32), found.argmax(1).astype(np.int32), kind
  )


def in_order(rows: int, classes: int, where: str) -> np.ndarray:
  """Returns labels `i[rows]`, as many of each class, one class after another.

  Args:
    rows: images.
    classes: how many there are.
    where: what errors call the images.

  Raises:
    UserError: if `rows` is no multiple of `classes`.

  >>> in_order(4, 2, 'images').tolist()
  [0, 0, 1, 1]
  """
  if rows % classes:
    raise UserError(
      f'{where} has {rows} images, which is not as many for each of {classes} '
      'classes; pass --labels=FILE'
    )
  return np.repeat(np.arange(classes), rows // classes)


def by_name(
  labels: np.ndarray,
  given: Sequence[str],
  names: Sequence[str],
  where: str,
) -> np.ndarray:
  """Translates labels that count `given` to labels that count `names`.

  Args:
    labels: `i[n]` in `[0, len(given))`.
    given: names of classes, or their numbers.
    names: of the data set whose test rows are used.
    where: what errors call the names.

  Raises:
    UserError: for names that are neither.
  """
  if set(given) <= set(names):
    numbers = [list(names).index(name) for name in given]
  elif all(name.isdecimal() and int(name) < len(names) for name in given):
    numbers = [int(name) for name in given]
  else:
    strange = next(name for name in given if name not in names)
    raise UserError(
      f'{where} has a class {strange!r}, but the data set has '
      f'{", ".join(names[:10])}{", ..." if len(names) > 10 else ""}; rename '
      'the directories to these names, or to their numbers from 0'
    )
  return np.asarray(numbers)[labels]


def _hard(labels: np.ndarray, classes: int, where: str) -> Targets:
  cells = labels.astype(np.int32)
  if np.any(cells != labels) or cells.min() < 0 or cells.max() >= classes:
    raise UserError(
      f'{where} go from {labels.min():g} to {labels.max():g}; hard labels are '
      f'whole numbers from 0 to {classes - 1}: renumber them, or pass another '
      '--dataset'
    )
  return Targets(np.eye(classes, dtype=np.float32)[cells], cells, 'hard')
