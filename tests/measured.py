"""Writes the record of what a script of this folder measured."""

from __future__ import annotations

from collections.abc import Sequence
import os

from rdd_jax.records import Record, Row, origin, write
from rdd_jax.records.record import place


def keep(
  name: str,
  rows: Sequence[Row],
  *,
  rounds: int,
  of: str,
  arguments: str,
  unit: str,
) -> None:
  """Writes `docs/results/data/NAME.json`, with the machine and its load.

  Args:
    name: of the record; '' writes none.
    rows: the lines.
    rounds: of which numbers are medians.
    of: what a round is, such as 'call(s)'.
    arguments: of the command, below `tests/`.
    unit: of the numbers.
  """
  if not name:
    return
  record = Record(
    columns=list(rows[0].cells),
    rows=rows,
    n=rounds,
    seeds=f'medians of {rounds} {of}',
    commands=[f'python tests/{arguments}'],
    commit=origin.commit(),
    machine=f'{origin.machine()}, load {os.getloadavg()[0]:.1f}',
    date=origin.today(),
    unit=unit,
  )
  write(place(name), record)
