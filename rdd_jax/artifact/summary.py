"""A set in a few lines, by its card and the shapes of its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rdd_jax.networks import spell


def summarize(
  card: Mapping[str, Any], shape: tuple[int, ...], cells: np.ndarray
) -> str:
  """Returns what a set is, in a few lines.

  Args:
    card: of the set, of which only `class_names` must be there.
    shape: of its images, `(n, H, W, C)`.
    cells: `i[n]`.

  >>> card = {'class_names': ['a', 'b'], 'data': {'name': 'digits'}}
  >>> print(summarize(card, (3, 8, 8, 1), np.array([0, 1, 2])))
  digits: 2 classes, 1 image of each, 1 outlier, 8x8x1
  """
  classes = len(card['class_names'])
  name = (card.get('data') or {}).get('name') or 'a set'
  factor = card.get('factor', 1)
  lines = [
    f'{name}: {classes} classes, {_counts(cells, classes)}, '
    + 'x'.join(map(str, shape[1:]))
    + (f' of {factor}x{factor} tiles' if factor > 1 else '')
  ]
  told = {
    'labels': card.get('label_kind'),
    'noise': (card.get('data') or {}).get('noise'),
    'method': card.get('method'),
    'network': _network(card.get('network')),
    'accuracy': _accuracy(card.get('numbers') or {}),
  }
  return '\n'.join(
    [*lines, *(f'  {what}: {text}' for what, text in told.items() if text)]
  )


def _counts(cells: np.ndarray, classes: int) -> str:
  known = cells[cells < classes]
  each = np.bincount(known, minlength=classes)
  low, high = each.min(), each.max()
  told = f'{low}' if low == high else f'{low} to {high}'
  told += f' image{"s" if high != 1 else ""} of each'
  outliers = len(cells) - len(known)
  if outliers:
    told += f', {outliers} outlier{"s" if outliers > 1 else ""}'
  return told


def _network(network: Mapping[str, Any] | None) -> str:
  return spell(network) if network else ''


def _accuracy(numbers: Mapping[str, Any]) -> str:
  found = numbers.get('accuracy')
  if not found:
    return ''
  return (
    f'{found["mean"]:.1%} ± {100 * found["std"]:.1f} '
    f'({found["n"]} network{"s" if found["n"] > 1 else ""})'
  )
