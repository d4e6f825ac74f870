"""Labels that keep the likeliest classes alone, with their probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rdd_jax.core.errors import UserError

SLACK = 1e-2  # of k half-precision probabilities, over a sum of one


def find_top_k(
  arrays: Mapping[str, np.ndarray], rows: int
) -> np.ndarray | None:
  """Returns labels `f[rows, 2, k]`, classes and then values, or None.

  They are one such array, as FKD saves them, or two `[rows, k]`, of which one
  has whole numbers that differ in each row, as `torch.topk` returns them.

  Args:
    arrays: of a file, by name.
    rows: images.

  >>> values, classes = np.array([[0.7, 0.2]]), np.array([[3, 1]])
  >>> find_top_k({'values': values, 'indices': classes}, 1).tolist()
  [[[3.0, 1.0], [0.7, 0.2]]]
  """
  own = [a for a in arrays.values() if a.ndim == 3 and a.shape[:2] == (rows, 2)]
  if len(own) == 1:
    return own[0]
  flat = [a for a in arrays.values() if a.ndim == 2 and len(a) == rows]
  classes = [a for a in flat if a.dtype.kind in 'iu' and _differ(a)]
  values = [a for a in flat if a.dtype.kind == 'f']
  if len(classes) != 1 or len(values) != 1:
    return None
  if classes[0].shape != values[0].shape:
    return None
  return np.stack([classes[0].astype(np.float64), values[0]], 1)


def spread(
  labels: np.ndarray, classes: int, kind: str, where: str
) -> tuple[np.ndarray, str]:
  """Returns probabilities of all classes, and a note that says how.

  What the given ones leave of one is shared by the other classes ("marginal
  smoothing"); of logits, the other classes have nothing.

  Args:
    labels: `[n, 2, k]`, see `find_top_k`.
    classes: of the data set.
    kind: 'probabilities', or '' for them, or 'logits', or 'hard'.
    where: what errors call the labels.

  Raises:
    UserError: for classes that are none, or twice in a row, or values that are
      not of this kind.

  >>> labels = np.array([[[1, 0], [0.7, 0.1]]])
  >>> found, note = spread(labels, 4, '', 'labels')
  >>> found.round(2).tolist()
  [[0.1, 0.7, 0.1, 0.1]]
  >>> note
  'top-2 labels: the rest of each, 20.0% on average, is shared by other classes'
  """
  from scipy.special import softmax

  index, values = labels[:, 0].astype(np.int64), labels[:, 1].astype(float)
  k = labels.shape[2]
  if (
    np.any(index != labels[:, 0])
    or index.min() < 0
    or index.max() >= classes
    or not _differ(index)
  ):
    raise UserError(
      f'{where} are {list(labels.shape)}, which is read as {k} classes and '
      f'their probabilities for each image, but classes go from '
      f'{labels[:, 0].min():g} to {labels[:, 0].max():g}; they must be whole, '
      f'from 0 to {classes - 1}, each once: pass another --labels_key'
    )
  found = np.zeros((len(labels), classes))
  if kind == 'logits':
    np.put_along_axis(found, index, softmax(values, axis=1), 1)
    return found, f'top-{k} logits: other classes have probability 0'
  sums = values.sum(1, keepdims=True)
  if kind not in ('', 'hard', 'probabilities'):
    raise UserError(
      f'{where} are the {k} likeliest classes of each image, and cannot be '
      f'{kind}; pass --label_kind=probabilities or logits'
    )
  if values.min() < 0 or sums.max() > 1 + SLACK:
    raise UserError(
      f'{where} are the {k} likeliest classes of each image with values from '
      f'{values.min():.3g} to {values.max():.3g}, which are no probabilities; '
      'pass --label_kind=logits'
    )
  values = values / np.maximum(sums, 1)
  rest = 1 - np.minimum(sums, 1)
  found += rest / max(classes - k, 1)
  np.put_along_axis(found, index, values, 1)
  found /= found.sum(1, keepdims=True)
  return found, (
    f'top-{k} labels: the rest of each, {rest.mean():.1%} on average, is '
    'shared by other classes'
  )


def _differ(classes: np.ndarray) -> bool:
  """Tells whether the numbers in each row differ."""
  return bool(np.all(np.diff(np.sort(classes, axis=1), axis=1) > 0))
