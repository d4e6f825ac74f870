"""What a finished run or evaluation leaves in its directory."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import Any

from rdd_jax import report
from rdd_jax.artifact import store
from rdd_jax.config.build import ood
from rdd_jax.evaluation.ood.detect import OODBenchmark
from rdd_jax.experiment import baselines
from rdd_jax.experiment.trial import Trial, seed_directory
from rdd_jax.runtime import files


def write_outputs(trial: Trial, results: dict[str, Any], command: str) -> None:
  """`results.json`, cards with numbers, `grid.png`, `report.html`.

  The baselines of the first seed stand below `baselines/`, as artefacts.
  """
  directory = trial.workdir
  text = json.dumps(results, indent=1)
  files.write_atomically(directory / 'results.json', text.encode())
  for seed in range(trial.config.seeds):
    found = store.load(seed_directory(directory, seed))
    card = {**found.card, 'numbers': results['rows']['distilled']}
    store.save(seed_directory(directory, seed), replace(found, card=card))
  for arm in trial.config.baselines:
    found = baselines.baseline(trial, arm, 0)
    card = {**found.card, 'numbers': results['rows'][arm]}
    store.save(directory / 'baselines' / arm, replace(found, card=card))
  first = store.load(directory)
  report.grid_png(
    directory / 'grid.png',
    first.images,
    first.cells,
    (*trial.dataset.class_names, *ood.slot_names(trial.config)),
  )
  report.write_report(directory, title=trial.config.name, command=command)


def card(outside: OODBenchmark) -> dict[str, Any]:
  """How many rows were compared, with which sets, and how they count."""
  sets = [
    {'name': s.name, 'rows': len(s.images), 'near': s.near, 'seen': s.seen}
    for s in outside.sets
  ]
  return {'rows': len(outside.inside), 'sets': sets}
