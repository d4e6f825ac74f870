"""Tables of out-of-distribution detection: AUROC by score, set and arm."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from rdd_jax.evaluation.registry import SCORES, suffix
from rdd_jax.report.html import entry, grid

Rows = Mapping[str, Mapping[str, Any]]

# In the order of the tables.
TABLES = ('msp', 'energy', 'relative_mahalanobis')


def ood_tables(rows: Rows, outside: Mapping[str, Any]) -> str:
  """Tabulates AUROC in per cent on each set, once for each of three scores.

  Args:
    rows: of `results.json`.
    outside: likewise; sets that are not averaged are in brackets.
  """
  found = [arm for arm in rows if any('@' in metric for metric in rows[arm])]
  head = [escape(arm.replace('_', '-')) for arm in found]
  tables = ''
  for score in TABLES:
    end = suffix(score)
    lines = [
      (_title(s), [rows[a].get(f'auroc{end}@{s["name"]}') for a in found])
      for s in outside['sets']
    ]
    lines += [
      (
        f'<b>mean, {place}</b>',
        [rows[a].get(f'{key}auroc{end}') for a in found],
      )
      for place, key in (('far', ''), ('near', 'near_'))
    ]
    tables += grid(
      head,
      {name: [entry(value) for value in values] for name, values in lines},
      caption=f'AUROC, per cent, by {SCORES[score][0]}.',
    )
  return (
    f'{tables}<p class="soft">{outside["rows"]:,} test '
    'rows against n of each set. Sets in brackets are of a kind that some arm '
    'trained on, and are not in the means.</p>'
  )


def _title(s: Mapping[str, Any]) -> str:
  place = 'near' if s['near'] else 'far'
  name = f'{escape(s["name"])} <small>{place}, n = {s["rows"]:,}</small>'
  return f'({name})' if s['seen'] else name
