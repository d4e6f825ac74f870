"""Runs a configuration beside itself with some parts left out."""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from rdd_jax import report
from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import PLACES, Config
from rdd_jax.core.errors import choose
from rdd_jax.data import MOCK
from rdd_jax.evaluation.metrics import Row, summary
from rdd_jax.experiment import kept, outputs, pipeline, workdir
from rdd_jax.experiment.check import check
from rdd_jax.report import console
from rdd_jax.runtime import cost, distributed, logging
from rdd_jax.runtime.files import write_atomically
from rdd_jax.runtime.profiling import Watch

DIRECTORY = 'variants'  # below that of the run
TABLE = 'variants.json'
MARKDOWN = 'variants.md'
HEADING = 'what each part buys (per cent, mean ± standard deviation):'


def derive(config: Config, name: str) -> Config:
  """Returns the configuration of a variant, which has no variants itself.

  Fields that were set on the command line stay as they were set there.

  Args:
    config: the configuration whose `variants` are read.
    name: one of them.

  Raises:
    UserError: if there is no variant of this name.
  """
  change = dict(choose('variant', name, config.variants.to_dict()))
  out = config.copy_and_resolve_references()
  without = change.pop('without', ())
  with out.unlocked():
    for place in PLACES:
      links = out[place].to_dict()
      out[place] = {k: v for k, v in links.items() if k not in without}
    new = change.get('objective', {})
    if new.get('name', out.objective.name) != out.objective.name:
      out.objective = namespace(**new)  # another's fields stay behind
    out.update(change)
    out.variants = {}
    out.name = f'{config.name}-{name}'
    # Of the whole set there is no more than one.
    out.whole.steps = 0
  return out


def execute(
  config: Config,
  directory: Path,
  *,
  command: str = '',
  stop: Callable[[], bool] = lambda: False,
  watch: Watch = Watch(),
) -> dict[str, Any]:
  """Runs each variant below the run's directory, then the run; writes a table.

  Where there are no variants, this is `pipeline.execute`.

  Args:
    config: the configuration.
    directory: the work directory.
    command: that repeats the run, for the report.
    stop: as `pipeline.execute`, which raises `loop.Stopped`.
    watch: what else is written of the run itself.

  Returns:
    The results of the run itself.
  """
  check_all(config)
  for name in names(config):
    chosen, path = derive(config, name), directory / DIRECTORY / name
    write = distributed.is_main_process()
    with workdir.claimed(path, chosen, write=write):
      if not workdir.finished(path, chosen):
        logging.say(f'{name}:')
        pipeline.execute(
          chosen,
          path,
          stop=stop,
          shared=directory.parent / kept.DIRECTORY,
          alone=False,
        )
  if config.variants:
    logging.say(f'{report.WHOLE_RUN}:')
    if not workdir.finished(directory, config):  # its table is to be made anew
      (directory / TABLE).unlink(missing_ok=True)
  results = pipeline.execute(
    config,
    directory,
    command=command,
    stop=stop,
    watch=watch,
    alone=not config.variants,
  )
  if config.variants and distributed.is_main_process():
    _tabulate(config, directory, command)
  return results


def _tabulate(config: Config, directory: Path, command: str) -> None:
  """Writes the table and the page, unless they are there, and prints it."""
  found = gather(directory, names(config))
  text = json.dumps(found, indent=1).encode()
  path = directory / TABLE
  if not path.exists() or path.read_bytes() != text:
    write_atomically(directory / MARKDOWN, report.markdown(found).encode())
    write_atomically(path, text)
    report.write_report(directory, title=config.name, command=command)
  rows = {name: entry['row'] for name, entry in found.items()}
  console.show(rows, 'ablations', heading=HEADING)
  if config.data.mock:
    logging.say(MOCK)
  logging.say(outputs.where(directory))


def check_all(config: Config, directory: Path | None = None) -> None:
  """Checks the configuration and all of its variants before any is run.

  Args:
    config: the configuration.
    directory: its work directory, if that is to be checked as well.

  Raises:
    UserError: see `check.check`.
  """
  check(config, directory)
  for name in names(config):
    check(derive(config, name))


def names(config: Config) -> list[str]:
  """Returns the names of the variants: first what leaves most out."""
  variants = config.variants.to_dict()
  return sorted(
    variants, key=lambda n: (-len(variants[n]['without']), n.lower())
  )


def gather(directory: Path, variants: list[str]) -> dict[str, dict[str, Any]]:
  """Gathers the results of each baseline and variant, and last the run itself.

  Args:
    directory: of the run.
    variants: their names.

  Returns:
    From a name to its `row`, with the precision and recall of the last trust
    where there is any, and what it took, `cost`, where that is known.
  """
  out: dict[str, dict[str, Any]] = {}
  runs = {name: directory / DIRECTORY / name for name in variants}
  for name, path in {**runs, report.WHOLE_RUN: directory}.items():
    rows = json.loads((path / 'results.json').read_text())['rows']
    for arm, row in rows.items():
      if arm == 'distilled':
        spent = path / cost.FILE
        out[name] = {
          'row': row | _trust(path),
          'cost': json.loads(spent.read_text()) if spent.exists() else {},
        }
      elif arm != 'initial':
        out.setdefault(arm, {'row': row, 'cost': {}})
  return out


def _trust(path: Path) -> Row:
  """Of the last division of each distillation seed, against the truth."""
  last = [
    json.loads(file.read_text())[-1]
    for file in sorted(
      [*path.glob('trust.json'), *path.glob('seeds/*/trust.json')]
    )
  ]
  values = {
    f'trust_{key}': [row[key] for row in last if row.get(key) is not None]
    for key in ('precision', 'recall')
  }
  return {name: summary(found) for name, found in values.items() if found}
