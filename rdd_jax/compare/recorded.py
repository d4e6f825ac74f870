"""Makes the record of several runs, of a sweep or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rdd_jax.artifact import store
from rdd_jax.compare.paired import table
from rdd_jax.compare.runs import Finished
from rdd_jax.experiment.recording import EARLIER, of_seeds
from rdd_jax.records.gather import gather
from rdd_jax.records.record import Record


def recorded(
  runs: Sequence[Finished], command: str, *, earlier: bool = True
) -> Record:
  """Returns the record of runs, a line for each of `paired.table`.

  Args:
    runs: finished ones, at least one.
    command: that repeats them.
    earlier: whether any was finished before this process began.
  """
  fields = ('seeds', 'evaluation.seeds', 'seed')
  seeds = {of_seeds(*(run.config[f] for f in fields)) for run in runs}
  found = table(runs)
  return gather(
    {name: row for name, (_, row) in found.items()},
    command=command,
    seeds='; or '.join(sorted(seeds)),
    sets=[store.load(run.directory) for run in runs],
    notes=EARLIER if earlier else '',
  )
