"""What judging leaves in a directory: the set, its numbers, and the page."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
import shlex
import sys
from typing import Any

from rdd_jax import report
from rdd_jax.artifact import store
from rdd_jax.config.build import shift
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment import outputs
from rdd_jax.experiment.judge import Judge
from rdd_jax.runtime import files


def write(
  directory: Path,
  distilled: store.Distilled,
  judge: Judge,
  rows: Mapping[str, Mapping[str, Row]],
  ranking: Mapping[str, Any] | None = None,
) -> Path:
  """Writes the set, `results.json`, `grid.png` and `report.html`.

  The directory can then be loaded, judged again and compared like a run's.

  Args:
    directory: made if it is not there.
    distilled: the set, with its numbers on its card.
    judge: that judged.
    rows: by arm, by network; the first network is that of `results['rows']`.
    ranking: from `ranked.rank`, if it was asked for.

  Returns:
    The path of the page.
  """
  store.save(directory, distilled)
  first, *more = judge.names
  results: dict[str, Any] = {
    'rows': {arm: by_net[first] for arm, by_net in rows.items()}
  }
  if more:
    results['networks'] = {
      net: {arm: by_net[net] for arm, by_net in rows.items()} for net in more
    }
  if judge.outside is not None:
    results['outside'] = outputs.card(judge.outside)
  if judge.shift is not None:
    results['shift'] = shift.card(judge.shift)
  if ranking is not None:
    results['rows'] = {**ranking['rows'], **results['rows']}
    results['ranking'] = ranking['scores']
  _write(directory / 'results.json', results)
  if first in judge.curves:
    (directory / 'curves').mkdir(exist_ok=True)
    _write(directory / 'curves' / 'distilled.json', judge.curves[first])
  report.grid_png(
    directory / 'grid.png',
    distilled.images,
    distilled.cells,
    distilled.card['class_names'],
  )
  again = f'python -m rdd_jax.evaluate {shlex.join(sys.argv[1:])}'
  return report.write_report(directory, title=directory.name, command=again)


def _write(path: Path, value: Any) -> None:
  files.write_atomically(path, json.dumps(value, indent=1).encode())
