"""Writes what a finished run, or an evaluation, leaves in its directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
import json
from pathlib import Path
import shlex
import sys
from typing import Any

from rdd_jax import data, report
from rdd_jax.artifact import store
from rdd_jax.config.build import ood
from rdd_jax.data.facts import FILE as FACTS
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment import baselines, calibrate, evaluations
from rdd_jax.experiment.judge import Judge
from rdd_jax.experiment.tested import describe_tests
from rdd_jax.experiment.trial import Trial, seed_directory
from rdd_jax.report import console
from rdd_jax.report.page import PAGE
from rdd_jax.runtime import files
from rdd_jax.runtime.logging import say


def write_run(
  trial: Trial, results: dict[str, Any], command: str, *, alone: bool = True
) -> Path:
  """Writes a run's sets with their numbers, and `write_page`'s files.

  The baselines of the first seed stand below `baselines/`, as artifacts.

  Args:
    trial: the run; its distilled sets are there already.
    results: what `results.json` holds.
    command: that repeats the run, for the page.
    alone: whether it is none of several that share a table and charts.

  Returns:
    The path of the page.
  """
  directory = trial.workdir
  sets = [
    (
      seed_directory(directory, seed),
      'distilled',
      seed,
      baselines.stored(trial, seed),
    )
    for seed in range(trial.config.seeds)
  ]
  sets += [
    (directory / 'baselines' / arm, arm, 0, baselines.baseline(trial, arm, 0))
    for arm in trial.config.baselines
  ]
  for path, arm, seed, found in sets:
    row = evaluations.row_of(trial, arm, seed)
    card = {
      **found.card,
      'numbers': results['rows'][arm],
      **calibrate.on_card(row, calibrate.labels_of(trial, arm, seed)),
    }
    store.save(path, replace(found, card=card))
  names = (*trial.dataset.class_names, *ood.slot_names(trial.config))
  config = trial.config
  own = config.name == 'own'  # which says nothing of what was read
  title = f'{trial.dataset.name}, distilled' if own else config.name
  write_facts(directory, trial)
  return write_page(
    directory, results, names, title=title, command=command, draw=alone
  )


def write_facts(directory: Path, trial: Trial, *, judged: bool = True) -> None:
  """Writes `data.json`, which says what the data are.

  Args:
    directory: of the run.
    trial: whose data set it is.
    judged: whether test rows are used.
  """
  config = trial.config
  noise = data.stand_in(config.data.noise, trial.dataset)
  done = data.injected(trial.dataset, noise, config.data.rare)
  _write(directory / FACTS, data.facts(trial.dataset, done, judged=judged))


def tell(
  directory: Path,
  results: Mapping[str, Any],
  *,
  mock: bool = False,
  alone: bool = True,
) -> None:
  """Prints the tables of a run, and where its page is.

  Args:
    directory: of the run.
    results: what `results.json` holds.
    mock: whether they may be mock images, which is said if they are.
    alone: False prints a line in the place of tables that others print.
  """
  own = results['rows']
  if not alone:
    say(console.brief(own['distilled']))
    return
  console.show(own, 'terminal')
  for name, others in results.get('networks', {}).items():
    console.show(others, 'terminal', heading=f'by {name}:')
  if mock and _named(directory).startswith('mock:'):
    say(data.MOCK)
  say(where(directory))


def _named(directory: Path) -> str:
  """The data set of a run, by its `data.json`."""
  with suppress(OSError, ValueError):
    return str(json.loads((directory / FACTS).read_text())['name'])
  return 'mock:'


def where(directory: Path) -> str:
  """Says where the page of a run is, and what is beside it.

  >>> where(Path('runs/one'))
  'open runs/one/report.html; the set, figures and tables are beside it'
  """
  page = directory / PAGE
  return f'open {page}; the set, figures and tables are beside it'


def write_evaluation(
  directory: Path,
  distilled: store.Distilled,
  judge: Judge,
  rows: Mapping[str, Mapping[str, Row]],
  ranking: Mapping[str, Any] | None = None,
  dataset: data.Dataset | None = None,
) -> Path:
  """Writes an evaluated set with its curves, and `write_page`'s files.

  The directory can then be loaded, evaluated again and compared like a run's.

  Args:
    directory: made if it is not there.
    distilled: the set, with its numbers on its card.
    judge: that evaluated.
    rows: by arm, by network; the first network is that of `results['rows']`.
    ranking: from `dd_ranking.rank`, if it was asked for.
    dataset: whose test rows it was evaluated on, for the page.

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
  results |= describe_tests(judge.outside, judge.shift, judge.held)
  if ranking is not None:
    results['rows'] = {**ranking['rows'], **results['rows']}
    results['ranking'] = ranking['scores']
  for kind, kept in (
    ('curves', judge.curves),
    ('reliability', judge.diagrams),
  ):
    if first in kept:
      (directory / kind).mkdir(exist_ok=True)
      _write(directory / kind / 'distilled.json', kept[first])
  if dataset is not None:
    done = distilled.card['data'].get('injected') or ()
    _write(directory / FACTS, data.facts(dataset, done))
  return write_page(
    directory,
    results,
    distilled.card['class_names'],
    title=directory.name,
    command=f'python -m rdd_jax.evaluate {shlex.join(sys.argv[1:])}',
  )


def write_page(
  directory: Path,
  results: Mapping[str, Any],
  cell_names: Sequence[str],
  *,
  title: str,
  command: str,
  draw: bool = True,
) -> Path:
  """Writes `results.json`, `grid.png` and `report.html` beside a set.

  Args:
    directory: holds the set.
    results: what `results.json` is to hold.
    cell_names: of classes, and of outlier slots after them.
    title: of the page.
    command: that repeats it.
    draw: whether the page has charts.

  Returns:
    The path of the page.
  """
  text = json.dumps(results, indent=1)
  files.write_summed(directory / 'results.json', text.encode())
  shown = store.load(directory)
  report.grid_png(directory / 'grid.png', shown.images, shown.cells, cell_names)
  return report.write_report(directory, title=title, command=command, draw=draw)


def _write(path: Path, value: Any) -> None:
  files.write_atomically(path, json.dumps(value, indent=1).encode())
