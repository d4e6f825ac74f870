"""Tabulates out-of-distribution detection: AUROC by score, set and arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdd_jax.evaluation.registry import SCORES, suffix
from rdd_jax.report.table import Cell, Line, Table, arm, entry

Rows = Mapping[str, Mapping[str, Any]]

# In the order of the tables.
TABLES = ('msp', 'energy', 'guarded', 'relative_mahalanobis', 'combined')
MEANS = (('far', ''), ('near', 'near_'))


def ood_tables(rows: Rows, outside: Mapping[str, Any]) -> list[Table]:
  """Tabulates AUROC in per cent on each set, once for each score of `TABLES`.

  Args:
    rows: of `results.json`; scores that none of them has are left out.
    outside: likewise; sets that are not averaged are in brackets.
  """
  found = [name for name in rows if any('@' in m for m in rows[name])]

  def line(name: str, metric: str, note: str, *, own: bool = False) -> Line:
    cells = [Cell(entry(rows[a].get(metric))) for a in found]
    return Line(name, cells, note, own)

  tables = []
  for score in TABLES:
    end = suffix(score)
    if not any(m.startswith(f'auroc{end}@') for a in found for m in rows[a]):
      continue
    lines = [
      line(_title(s), f'auroc{end}@{s["name"]}', _note(s))
      for s in outside['sets']
    ]
    lines += [
      line(f'mean, {place}', f'{key}auroc{end}', '', own=True)
      for place, key in MEANS
    ]
    title, by = SCORES[score]
    tables.append(
      Table(
        f'AUROC by {title}',
        [arm(name) for name in found],
        lines,
        f'AUROC, per cent, by {title}: {by}.',
      )
    )
  return tables


def _title(s: Mapping[str, Any]) -> str:
  name = s['name'].replace('_', ' ')
  return f'({name})' if s['seen'] else name


def _note(s: Mapping[str, Any]) -> str:
  return f'{"near" if s["near"] else "far"}, n = {s["rows"]:,}'
