"""Tabulates what a run took, beside its plan and beside its variants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdd_jax.report.table import Table, plain


def cost_table(cost: Mapping[str, Any], plan: Mapping[str, Any]) -> Table:
  """Tabulates seconds of each stage and memory; the plan's, if there is one.

  Args:
    cost: as `cost.json`.
    plan: as `plan.json`; {} without.
  """
  both = [cost, plan] if plan else [cost]
  seconds = {
    stage: [f'{x["seconds"].get(stage, 0):,.1f}' for x in both]
    for stage in cost['seconds']
  }
  total = {'in all, seconds': [f'{x["total"]:,.1f}' for x in both]}
  memory = {
    f'{kind} memory, MiB': [size(x['memory'].get(kind)) for x in both]
    for kind in ('resident', 'device')
  }
  notes = ''.join(f' Not planned: {u}.' for u in plan.get('unknown', ()))
  return plain(
    'Seconds of each stage',
    ['took', 'planned'][: len(both)],
    seconds | total | memory,
    f'Seconds of each stage, on {cost["devices"]}, over {cost["parts"]} '
    f'start(s).{notes}',
  )


def costs_table(costs: Mapping[str, Mapping[str, Any]]) -> Table:
  """Tabulates several runs: a line each, a column for each stage.

  Args:
    costs: run to what `cost.json` holds; {} where it is not known.
  """
  stages = dict.fromkeys(
    stage for cost in costs.values() for stage in cost.get('seconds', {})
  )

  def seconds(value: float | None) -> str:
    return '-' if value is None else f'{value:,.1f}'

  lines = {}
  for name, cost in costs.items():
    took, peak = cost.get('seconds', {}), cost.get('memory', {})
    lines[name] = [
      seconds(cost.get('total')),
      *(seconds(took.get(stage)) for stage in stages),
      size(peak.get('resident')),
      size(peak.get('device')),
    ]
  return plain(
    'What each run took',
    ['in all', *stages, 'resident', 'device'],
    lines,
    'Seconds in all and of each stage; MiB at the peak of the process so far, '
    'and of its device. What one run compiled, later ones need not.',
  )


def size(count: float | None) -> str:
  """Formats bytes in MiB; None as '-'.

  >>> size(2**21), size(None)
  ('2', '-')
  """
  return '-' if count is None else f'{count / 2**20:,.0f}'
