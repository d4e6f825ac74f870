"""What labels of others are: classes, probabilities, logits or free."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdd_jax.artifact.schema import SLACK
from rdd_jax.artifact.third_party.top_k import spread
from rdd_jax.core.errors import UserError, choose

KINDS = ('', 'hard', 'probabilities', 'logits', 'free')
CENTRED = 1.5  # learned labels of a regression hardly go beyond this


class Targets(NamedTuple):
  """Labels, understood.

  Attributes:
    targets: `f32[n, classes]`, on the simplex unless they are 'free'.
    cells: `i32[n]`, the class of each row; of soft labels the likeliest one.
    kind: which of `KINDS` they were.
    notes: sentences that say what was assumed, or looks wrong.
  """

  targets: np.ndarray
  cells: np.ndarray
  kind: str
  notes: tuple[str, ...] = ()


def targets_of(
  labels: np.ndarray, rows: int, classes: int, kind: str, where: str
) -> Targets:
  """Finds the targets and classes of labels, and what kind they are.

  Args:
    labels: classes `[rows]` or `[rows, 1]`, scores `f[rows, classes]`, or the
      likeliest k classes and their scores, `[rows, 2, k]`; see `spread`.
    rows: images.
    classes: of the data set whose test rows are used.
    kind: one of `KINDS`; '' takes scores on the simplex for probabilities, and
      refuses to guess what others are. 'hard' makes classes of scores;
      'free' are those that a regression learned (KIP, FRePo), less 1 / classes
      or not.
    where: what errors call the labels.

  Raises:
    UserError: for another shape, a class out of range, or scores that could be
      logits or anything else.
  """
  from scipy.special import softmax

  choose('label kind', kind, dict.fromkeys(KINDS))
  if labels.ndim == 3 and labels.shape[:2] == (rows, 2):
    labels, note = spread(labels, classes, kind, where)
    kind = kind if kind in ('', 'hard') else 'probabilities'
    found = targets_of(labels, rows, classes, kind, where)
    return found._replace(notes=(note, *found.notes))
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
  if kind in ('', 'probabilities') and not simplex:
    raise UserError(f'{where} are no probabilities: {_advice(scores)}')
  if kind == 'hard':
    return _hard(scores.argmax(1), classes, where)
  if kind == 'free':
    return _free(scores)
  notes = ()
  if kind == 'logits' and simplex:
    notes = (
      'WARNING: labels taken as logits are nonnegative and sum to one, so '
      'their softmax is nearly uniform; pass --label_kind=probabilities unless '
      'they were trained through a softmax',
    )
  found = softmax(scores, axis=1) if kind == 'logits' else scores
  kind = kind or ('hard' if np.isin(scores, (0, 1)).all() else 'probabilities')
  return Targets(
    found.astype(np.float32), found.argmax(1).astype(np.int32), kind, notes
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


def _hard(labels: np.ndarray, classes: int, where: str) -> Targets:
  cells = labels.astype(np.int32)
  if np.any(cells != labels) or cells.min() < 0 or cells.max() >= classes:
    raise UserError(
      f'{where} go from {labels.min():g} to {labels.max():g}; hard labels are '
      f'whole numbers from 0 to {classes - 1}: renumber them, or pass another '
      '--dataset'
    )
  return Targets(np.eye(classes, dtype=np.float32)[cells], cells, 'hard')


def _free(scores: np.ndarray) -> Targets:
  """Learned labels, less the mean of one-hot ones if that was not added."""
  classes = scores.shape[1]
  total = float(np.median(scores.sum(1)))
  centred = abs(total) < abs(total - 1)
  found = (scores + 1 / classes * centred).astype(np.float32)
  note = f'labels sum to {total:.3g} in the middle row, so ' + (
    f'1/{classes} is added to each: they stood less the mean of one-hot labels'
    if centred
    else 'they stand as they are, with the mean of one-hot labels'
  )
  return Targets(found, found.argmax(1).astype(np.int32), 'free', (note,))


def _advice(scores: np.ndarray) -> str:
  """What scores that are no probabilities may be, likeliest first."""
  low, high, sums = scores.min(), scores.max(), scores.sum(1)
  told = f'from {low:.3g} to {high:.3g}, rows sum to '
  told += f'{sums.min():.3g} to {sums.max():.3g}; pass '
  free = '--label_kind=free if a regression learned them (KIP, FRePo)'
  logits = '--label_kind=logits if a softmax makes them probabilities'
  hard = '--label_kind=hard to take the largest'
  if low >= 0:  # logits have either sign
    return f'{told}{free}, or {hard}'
  small = max(-low, high) <= CENTRED
  order = (free, logits) if small else (logits, free)
  return f'{told}{", ".join(order)}, or {hard}'
