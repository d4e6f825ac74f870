"""The flag `--record`, of every command that measures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rdd_jax.records import origin
from rdd_jax.records.record import place, write

if TYPE_CHECKING:
  from rdd_jax.records.record import Record

_RECORD = flags.DEFINE_string(
  'record',
  '',
  'Write what was measured to docs/results/data/NAME.json, or to a path that '
  'ends in .json; `python -m rdd_jax.records` renders tables from it.',
  allow_override=True,
)


def asked() -> Path | None:
  """Returns where a record is to be written; None where none is asked for.

  Raises:
    UserError: if it cannot be.
  """
  if not _RECORD.value:
    return None
  origin.commit()  # of the code as it is when the command begins
  return place(_RECORD.value)


def keep(record: Record) -> None:
  """Writes a record where the flag says, and says so."""
  path = asked()
  if path is not None:
    write(path, record)
    print(f'recorded in {path}')
