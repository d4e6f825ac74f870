"""What a run took, beside what was planned."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from rdd_jax.report.html import grid


def cost_table(cost: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
  """Seconds of each stage and memory; the plan's, if there is one.

  Args:
    cost: as `cost.json`.
    plan: as `plan.json`; {} without.
  """
  both = [cost, plan] if plan else [cost]
  seconds = {
    escape(stage): [f'{x["seconds"].get(stage, 0):,.1f}' for x in both]
    for stage in cost['seconds']
  }
  total = {'<b>in all, s</b>': [f'{x["total"]:,.1f}' for x in both]}
  memory = {
    f'{kind} memory, MiB': [_size(x['memory'].get(kind)) for x in both]
    for kind in ('resident', 'device')
  }
  notes = ''.join(
    f' Not planned: {escape(u)}.' for u in plan.get('unknown', ())
  )
  return grid(
    ['took', 'planned'][: len(both)],
    seconds | total | memory,
    caption=f'Seconds of each stage, on {escape(cost["devices"])}, over '
    f'{cost["parts"]} start(s).{notes}',
  )


def _size(size: float | None) -> str:
  return '-' if size is None else f'{size / 2**20:,.0f}'
