"""Makes the record of a finished run: its arms, or what each part buys."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from rdd_jax.artifact import store
from rdd_jax.config.defaults import Config
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment import ablations
from rdd_jax.records.gather import gather
from rdd_jax.records.record import Record
from rdd_jax.report import WHOLE_RUN
from rdd_jax.report.tables import spent

# The commit and the machine are those of the process that records.
EARLIER = 'read from finished runs, which another commit may have made'


def of_run(
  config: Config, directory: Path, command: str, *, earlier: bool = False
) -> Record:
  """Returns the record of a run.

  Args:
    config: the configuration.
    directory: of the run, which is finished.
    command: that repeats it.
    earlier: whether it was finished before this process began.
  """
  seeds = of_seeds(config.seeds, config.evaluation.seeds, config.seed)
  notes = EARLIER if earlier else ''
  if not config.variants:
    results = json.loads((directory / 'results.json').read_text())
    rows = dict(results['rows'])
    for net, arms in results.get('networks', {}).items():
      rows |= {f'{arm}, {net}': row for arm, row in arms.items()}
    return gather(
      rows,
      command=command,
      seeds=seeds,
      sets=[store.load(directory)],
      strong=['distilled'],
      notes=notes,
    )
  names = ablations.names(config)
  found = ablations.gather(directory, names)
  below = directory / ablations.DIRECTORY
  return gather(
    {name: one['row'] for name, one in found.items()},
    command=command,
    seeds=seeds,
    sets=[store.load(p) for p in (*(below / n for n in names), directory)],
    strong=[WHOLE_RUN],
    extra={name: took(one['cost']) for name, one in found.items()},
    notes=notes,
  )


def of_evaluation(
  by_arm: Mapping[str, Mapping[str, Row]],
  distilled: store.Distilled,
  command: str,
  networks: int,
  root: int,
) -> Record:
  """Returns the record of an evaluation, a line for each arm and network.

  Args:
    by_arm: arm to network to row.
    distilled: the set.
    command: that repeats it.
    networks: trained of each kind.
    root: their root seed.
  """
  several = len(next(iter(by_arm.values()))) > 1
  return gather(
    {
      f'{arm}, {net}' if several else arm: row
      for arm, rows in by_arm.items()
      for net, row in rows.items()
    },
    command=command,
    seeds=f'one set x {networks} networks, root seed {root}',
    sets=[distilled],
    strong=['distilled'],
  )


def of_seeds(distillations: int, networks: int, root: int) -> str:
  """Says which seeds a number is over.

  >>> of_seeds(2, 3, 0)
  '2 distillations x 3 networks, root seed 0'
  """
  many = 's' if distillations > 1 else ''
  more = 's' if networks > 1 else ''
  return (
    f'{distillations} distillation{many} x {networks} network{more}, root seed '
    f'{root}'
  )


def took(cost: dict[str, Any]) -> dict[str, dict[str, float]]:
  """Returns the cells of what a run took; none where it is not known.

  >>> took({'total': 9.6, 'memory': {'resident': 2**21}})['seconds']
  {'mean': 10, 'digits': 0}
  """
  return {
    name: {'mean': round(value), 'digits': 0}
    for name, value in zip(('seconds', 'MiB'), spent(cost), strict=False)
  }
