"""Describes what networks were tested on, for `results.json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from rdd_jax.evaluation.evaluate import TestData
from rdd_jax.evaluation.groups import pairs
from rdd_jax.evaluation.ood.detect import OODBenchmark
from rdd_jax.evaluation.shift.clusters import Grouping
from rdd_jax.evaluation.shift.shift import Shift


def describe_tests(
  outside: OODBenchmark | None,
  shift: Shift | None,
  test: TestData | None = None,
) -> dict[str, Any]:
  """Describes what networks were tested on, for JSON.

  Args:
    outside: out-of-distribution sets: their rows, and how they count.
    shift: sizes and hashes of groups, kinds and rows of shifted sets.
    test: of which the groups are counted.
  """
  found: dict[str, Any] = {}
  if test is not None and test.groups is not None:
    found['groups'] = _describe_groups(test)
  if outside is not None:
    found['outside'] = _describe_ood(outside)
  if shift is not None:
    found['shift'] = _describe_shift(shift)
  return found


def _describe_groups(test: TestData) -> list[dict[str, int]]:
  """Rows of each class and group that has test rows; of training, if known."""
  ids = pairs(test.labels, np.asarray(test.groups))
  found = []
  for number in range(ids.max(initial=-1) + 1):
    rows = np.flatnonzero(ids == number)
    one = {
      'class': int(test.labels[rows[0]]),
      'group': int(np.asarray(test.groups)[rows[0]]),
      'test': len(rows),
    }
    if test.trained is not None:
      one['train'] = int(test.trained[rows[0]])
    found.append(one)
  return found


def _describe_ood(outside: OODBenchmark) -> dict[str, Any]:
  sets = [
    {'name': s.name, 'rows': len(s.images), 'near': s.near, 'seen': s.seen}
    for s in outside.sets
  ]
  return {'rows': len(outside.inside), 'sets': sets}


def _describe_shift(shift: Shift) -> dict[str, Any]:
  def grouped(found: Grouping) -> dict[str, Any]:
    return {'sizes': np.bincount(found.ids).tolist(), 'sha256': found.digest}

  return {
    'clusters': {
      f'{prefix}cluster': grouped(found)
      for prefix, found in shift.clusters.items()
    },
    'density': shift.deciles and grouped(shift.deciles),
    'sets': [
      {'kind': s.kind, 'severity': s.severity, 'rows': len(s.images)}
      for s in shift.sets
    ],
    'attacks': [
      {**attack._asdict(), 'rows': len(shift.images)}
      for attack in shift.attacks
    ],
  }
