"""OpenOOD's table of detection: its five columns, by its own definitions.

Zhang et al., OpenOOD v1.5, arXiv 2306.09301; read in version 1.5 (commit
3c35632, `openood/evaluators/metrics.py` and `evaluation_api/evaluator.py`):

- FPR@95 is `fpr95_out`: in-distribution rows that are refused where 95 % of
  the others are detected;
- AUROC is the same in either convention;
- AUPR_IN and AUPR_OUT are areas by trapezoids, not average precision;
- ACC is the accuracy on all in-distribution test rows, the same in each line;
- `nearood` and `farood` are means over the sets of a kind.

Deviations:
  Sets of a kind that some variant of a run trains on stand in the table, and
  not in the means. Where scores tie, scikit-learn's `roc_curve` leaves out
  thresholds that lie on a line, so that OpenOOD's FPR@95 may be a later one's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.ood.detect import PRINCIPAL
from rdd_jax.evaluation.registry import suffix

# A column, and the metric that is of one set; ACC is of none.
COLUMNS: Mapping[str, str] = {
  'FPR@95': 'fpr95_out',
  'AUROC': 'auroc',
  'AUPR_IN': 'aupr_in_trapezoid',
  'AUPR_OUT': 'aupr_out_trapezoid',
}
NEAR, FAR = 'nearood', 'farood'

Line = dict[str, float]


def openood(
  row: Mapping[str, Mapping[str, Any]],
  sets: Sequence[Mapping[str, Any]],
  score: str = 'msp',
) -> dict[str, Line]:
  """Returns OpenOOD's table, in fractions: means over networks.

  Args:
    row: metric to its summary, as `detect` and `evaluate` measure them.
    sets: `name`, `near` and `seen` of each, as `results.json` has them.
    score: 'msp', 'energy', 'guarded' or 'combined'.

  Returns:
    From the name of a set, or of a mean, to the five columns; near sets first.

  >>> row = {'accuracy': {'mean': 0.9}} | {
  ...   f'{metric}@noise': {'mean': 0.5} for metric in COLUMNS.values()}
  >>> table = openood(row, [{'name': 'noise', 'near': False, 'seen': False}])
  >>> list(table), table['farood']['ACC']
  (['noise', 'farood'], 0.9)
  """
  found: dict[str, Line] = {}
  for title, near in ((NEAR, True), (FAR, False)):
    here = [s for s in sets if s['near'] == near]
    lines = {s['name']: _line(row, s['name'], score) for s in here}
    counted = [lines[s['name']] for s in here if not s['seen']]
    found |= lines
    if counted:
      found[title] = {
        column: float(np.mean([line[column] for line in counted]))
        for column in (*COLUMNS, 'ACC')
      }
  return found


def _line(row: Mapping[str, Mapping[str, Any]], name: str, score: str) -> Line:
  end = f'{suffix(score)}@{name}'
  line = {c: row[metric + end]['mean'] for c, metric in COLUMNS.items()}
  return line | {'ACC': row['accuracy']['mean']}


def tables(
  by_arm: Mapping[str, Mapping[str, Mapping[str, Any]]],
  nets: Collection[str],
  sets: Sequence[Mapping[str, Any]],
) -> list[str]:
  """Formats the table of each arm, network and score.

  Args:
    by_arm: arm to network to row.
    nets: the networks of these that tell sets apart.
    sets: see `openood`.

  Raises:
    UserError: if nothing out of distribution was judged.

  >>> tables({}, [], [])
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: --openood needs out-of-distribution sets, ...
  """
  if not sets:
    raise UserError(
      '--openood needs out-of-distribution sets, and the card of the set names '
      'none that is there; distil with outside.sets, or give --like'
    )
  return [
    f'{arm}, {net}, {score}:\n{text(openood(row, sets, score))}'
    for arm, rows in by_arm.items()
    for net, row in rows.items()
    if net in nets
    for score in PRINCIPAL
    if f'fpr95_in{suffix(score)}@{sets[0]["name"]}' in row
  ]


def text(table: Mapping[str, Line]) -> str:
  """Formats a table in per cent with two decimals, as OpenOOD prints it.

  Args:
    table: of `openood`.

  >>> line = {'FPR@95': 0.5, 'ACC': 0.25}
  >>> print(text({'farood': line}))
          FPR@95    ACC
  farood   50.00  25.00
  """
  columns = list(next(iter(table.values()), {}))
  wide = max(map(len, table), default=0)
  lines = [' ' * wide + ''.join(f'{c:>{_width(c)}}' for c in columns)]
  lines += [
    f'{name:<{wide}}'
    + ''.join(f'{100 * line[c]:>{_width(c)}.2f}' for c in columns)
    for name, line in table.items()
  ]
  return '\n'.join(lines)


def _width(column: str) -> int:
  return 2 + max(len(column), 5)
