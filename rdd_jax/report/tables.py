"""The numbers that a reader looks for first, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rdd_jax.data import shifts
from rdd_jax.report.html import METRICS, entry, grid

Rows = Mapping[str, Mapping[str, Any]]

WHOLE_RUN = 'all of it'  # what a run with variants is called beside them

# From the metric of a table to what `trust.json` calls it.
TRUST = {'trust_precision': 'precision', 'trust_recall': 'recall'}

# What is compared where there is room for little.
COLUMNS = (
  'accuracy',
  'corrupted',
  'worst_group',
  'rare_group',
  'auroc',
  'fpr95',
  'ece',
  *TRUST,
)

# What the terminal shows, of what was measured.
PRINTED = (
  'accuracy',
  'worst_class',
  'worst_group',
  'group_balanced',
  'rare_group',
  'majority_group',
  'ece',
  'auroc',
  'auroc_energy',
  'auroc_relative_mahalanobis',
  'near_auroc_energy',
  'cluster_min',
  'density_1',
  *shifts.PUBLISHED,
  'corrupted',
)

MEANINGS = {
  'accuracy': 'test rows whose class is predicted right, by networks that were '
  'trained on the set from scratch',
  'worst_class': 'accuracy on the class with the least of it',
  'worst_group': 'accuracy on the pair of class and group with the least of it',
  'group_balanced': 'mean accuracy of the groups, each counted the same',
  'rare_group': 'accuracy on the groups that are rare in training',
  'majority_group': 'accuracy on the others',
  'corrupted': 'mean accuracy on corrupted test rows',
  'ece': 'expected calibration error: how far confidence is from accuracy; '
  'less is better',
  'auroc': 'the chance that a test row looks more familiar than a row from '
  'elsewhere, by the largest softmax output; 50 is a coin toss',
  'fpr95': 'rows from elsewhere that are accepted when 95 per cent of test '
  'rows are; less is better',
  'auroc_energy': 'the same chance, by the energy of the logits',
  'near_auroc': 'the same chance, from sets akin to the data',
  'near_auroc_energy': 'likewise, by the energy of the logits',
  'trust_precision': 'of the training rows that were trusted, the share with a '
  'right label',
  'trust_recall': 'of the training rows with a right label, the share that was '
  'trusted',
}


def columns(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
  """Lists the metrics that are printed, of those that some row has."""
  seen = dict.fromkeys(metric for row in rows.values() for metric in row)
  attacked = [m for m in seen if m.startswith(('fgsm_', 'pgd_'))]
  return [m for m in PRINTED if m in seen] + attacked


def summary_table(rows: Rows, against: str = 'random') -> str:
  """Mean ± standard deviation of each metric, beside a baseline's.

  Of many metrics, those that have a name here; classes and sets from elsewhere
  have tables of their own.

  Args:
    rows: of `results.json`.
    against: the row whose means are taken from those of the others, in small.
  """
  metrics = shown(rows)
  small = f' Small: points more than {against}.' if against in rows else ''
  return grid(
    [escape(METRICS[m]) for m in metrics],
    {
      _label(name, rows[name]): _cells(rows, name, metrics, against)
      for name in rows
    },
    caption=f'Per cent, mean ± standard deviation over n networks.{small}',
  )


def label(name: str, row: Mapping[str, Any], *, set_off: bool) -> str:
  """The head of a line of a `grid`, with how many networks it is over."""
  count = max((s['n'] for s in row.values()), default=0)
  return f'{"*" if set_off else ""}{escape(name)} <small>n = {count}</small>'


def _label(name: str, row: Mapping[str, Any]) -> str:
  own = name in ('distilled', WHOLE_RUN)
  return label(name.replace('_', '-'), row, set_off=own)


def _cells(
  rows: Rows, name: str, metrics: Sequence[str], against: str
) -> list[str]:
  base = {} if name == against else rows.get(against, {})
  return [
    entry(rows[name].get(m)) + beside(rows[name].get(m), base.get(m))
    for m in metrics
  ]


def shown(rows: Rows) -> list[str]:
  """The metrics that have a column, of those that some row has."""
  seen = {metric for row in rows.values() for metric in row}
  return [m for m in METRICS if m in seen]


def beside(
  summary: Mapping[str, Any] | None, base: Mapping[str, Any] | None
) -> str:
  """The difference of two means in points; '' without both."""
  if summary is None or base is None:
    return ''
  return f' <small>{100 * (summary["mean"] - base["mean"]):+.1f}</small>'


def variants_table(found: Mapping[str, Mapping[str, Any]]) -> str:
  """A line for each baseline and variant: numbers, trust, and what it took.

  Args:
    found: as `variants.json`: name to `row` and `cost`.
  """
  rows = {name: one['row'] for name, one in found.items()}
  metrics = [m for m in COLUMNS if any(m in row for row in rows.values())]
  cells = {
    _label(name, one['row']): [
      *_cells(rows, name, metrics, 'plain'),
      *([f'{x:,.0f}' for x in spent(one['cost'])] or ['', '']),
    ]
    for name, one in found.items()
  }
  return grid(
    [*(escape(METRICS[m]) for m in metrics), 'seconds', 'MiB'],
    cells,
    caption='Per cent, mean ± standard deviation over n networks. Small: '
    'points more than plain. Seconds with judging; what one compiled, later '
    'ones need not. Memory: the peak of the process so far.',
  )


def spent(cost: Mapping[str, Any]) -> tuple[float, ...]:
  """Seconds, and MiB of the process at its peak; () where not known."""
  if not cost:
    return ()
  return cost['total'], (cost['memory']['resident'] or 0) / 2**20


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
  """The same in short, for a README.

  Args:
    found: as `variants.json`.
  """
  metrics = [
    m for m in COLUMNS if any(m in one['row'] for one in found.values())
  ]
  lines = [
    ['', *(METRICS[m] for m in metrics), 'seconds', 'MiB'],
    ['---'] * (len(metrics) + 3),
  ]
  for name, one in found.items():
    took = [f'{x:,.0f}' for x in spent(one['cost'])] or ['', '']
    lines.append([name, *(entry(one['row'].get(m)) for m in metrics), *took])
  return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def glossary(metrics: Sequence[str]) -> str:
  """What the metrics mean, to be opened."""
  lines = ''.join(
    f'<dt>{escape(METRICS[m])}</dt><dd>{escape(MEANINGS[m])}</dd>'
    for m in metrics
    if m in MEANINGS
  )
  return (
    '<details><summary>What these numbers mean</summary>'
    f'<dl>{lines}</dl></details>'
  )


def class_table(rows: Rows, class_names: Sequence[str]) -> str:
  """Mean accuracy in per cent: a line for each class, a column for each row."""
  cells = {
    escape(name): [entry(row.get(f'class_{c}')) for row in rows.values()]
    for c, name in enumerate(class_names)
  }
  return grid(
    [escape(name.replace('_', '-')) for name in rows],
    cells,
    caption='Accuracy of each class, per cent.',
  )


def networks_table(networks: Mapping[str, Rows]) -> str:
  """Accuracy of other networks, and of regressions: arms in columns."""
  arms = list(dict.fromkeys(arm for rows in networks.values() for arm in rows))
  return grid(
    [escape(arm.replace('_', '-')) for arm in arms],
    {
      escape(name): [entry(rows.get(arm, {}).get('accuracy')) for arm in arms]
      for name, rows in networks.items()
    },
    caption='Accuracy, per cent, of networks that were not matched with.',
  )


RANKING = {
  'hlr': 'HLR: what the set loses to all rows, hard labels',
  'ior': 'IOR: what it gains over random rows labelled likewise',
  'lrs': 'LRS: both in one, from 0 to 1',
  'ars': 'ARS: gains with and without augmentation, from 0 to 1',
}


def ranking_table(scores: Mapping[str, float]) -> str:
  """DD-Ranking's scores, in fractions."""
  return grid(
    ['score'],
    {RANKING[k]: [f'{scores[k]:.3f}'] for k in RANKING if k in scores},
    caption='DD-Ranking, in fractions, over random rows of this page.',
  )
