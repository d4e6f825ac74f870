"""One of several experiments in a file, as DC, DSA and DM publish them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rdd_jax.core.errors import UserError


def experiments(
  arrays: Mapping[str, np.ndarray],
) -> list[dict[str, np.ndarray]]:
  """Finds pairs of images and labels that stand one after another.

  In arrays by dotted name, `PREFIX.N.0` are the images `[n, ...]` of
  experiment N, and `PREFIX.N.1` their labels `[n]` or `[n, k]`.

  Returns:
    The arrays of each experiment, by name; empty where there is no such list.

  >>> images, labels = np.zeros((2, 4, 4, 3)), np.zeros(2)
  >>> found = experiments({'data.0.0': images, 'data.0.1': labels})
  >>> [sorted(pair) for pair in found]
  [['data.0.0', 'data.0.1']]
  """
  found = []
  for name in arrays:
    prefix, dot, last = name.rpartition('.')
    labels = f'{prefix}.1'
    if last != '0' or not dot or labels not in arrays:
      continue
    pair = {name: arrays[name], labels: arrays[labels]}
    number = prefix.rpartition('.')[2]
    if number == str(len(found)) and _is_pair(*pair.values()):
      found.append(pair)
  return found


def choose_experiment(
  arrays: Mapping[str, np.ndarray], experiment: int | None, where: str
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
  """Returns the arrays of one experiment, and what was assumed.

  Args:
    arrays: of a file, by name.
    experiment: its number from 0; None takes the first, and says so.
    where: what errors call the file.

  Returns:
    All arrays where the file has no list of experiments.

  Raises:
    UserError: if there is no experiment of that number.

  >>> choose_experiment({'a': np.zeros(1)}, None, 'it')[1]
  ()
  """
  found = experiments(arrays)
  if experiment is None and not found:
    return dict(arrays), ()
  if experiment is not None and not 0 <= experiment < len(found):
    raise UserError(
      f'{where} has no experiment {experiment}: '
      + (
        f'there are {len(found)}; pass --experiment=0 to {len(found) - 1}'
        if found
        else 'it is no list of [images, labels]; leave --experiment out'
      )
    )
  notes = ()
  if len(found) > 1:
    told = 'assumed' if experiment is None else 'taken'
    notes = (
      f'{len(found)} experiments: number {experiment or 0} {told}; '
      f'--experiment={len(found) - 1} would take the last',
    )
  return found[experiment or 0], notes


def _is_pair(images: np.ndarray, labels: np.ndarray) -> bool:
  return (
    images.ndim > 2 and labels.ndim in (1, 2) and len(images) == len(labels)
  )
