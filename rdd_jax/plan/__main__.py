"""Predicts a run: `python -m rdd_jax.plan --config=FILE[:args]`.

Takes the flags of `rdd_jax.main`. Says first what data of a known size take of
memory and of disk, and then does a little of all that the run does, on this
machine, as it is now loaded. Where a teacher trains on large data, nothing is
read, and images are counted instead, see `plan/counted.py`. With --workdir, the
plan stands in that directory as `plan.json`, and the report shows it beside
what the run took, which is less where an earlier run has left its compiled
programs.
"""

from __future__ import annotations

import json
from pathlib import Path
import tempfile
from typing import TYPE_CHECKING

from absl import flags

from rdd_jax.config import flags as shared
from rdd_jax.runtime import cli
from rdd_jax.runtime.files import require_place, write_atomically

if TYPE_CHECKING:
  from rdd_jax.config.defaults import Config
  from rdd_jax.plan.predict import Plan

flags.adopt_module_key_flags(shared)
_SECONDS = flags.DEFINE_float(
  'seconds', 5.0, 'How long each stage is tried, about, once it is compiled.'
)


def main(argv: list[str]) -> None:
  """Predicts the run that the flags name."""
  plan(shared.given(argv))


def plan(config: Config) -> None:
  """Predicts a run and prints what it will take, as the flags say."""
  from rdd_jax.experiment import ablations
  from rdd_jax.plan.ahead import ahead
  from rdd_jax.plan.counted import is_counted
  from rdd_jax.plan.known import known
  from rdd_jax.plan.predict import count, predict
  from rdd_jax.runtime import distributed

  ablations.check_all(config)
  if shared.WORKDIR.value:  # before what takes long
    require_room(Path(shared.WORKDIR.value).absolute(), config)
  distributed.initialise(False)
  given = known(config)
  found = given and ahead(config, given)
  if found:
    print(found.text(bool(config.data.get('stream'))), flush=True)
  if given and is_counted(config, given):
    predicted = count(config, given)
  else:
    with tempfile.TemporaryDirectory() as scratch:
      predicted = predict(config, Path(scratch), budget=_SECONDS.value)
  predicted = predicted._replace(disk=found.disk if found else {})
  print(show(predicted))
  if shared.WORKDIR.value:
    keep(Path(shared.WORKDIR.value).absolute(), config, predicted)


def require_room(directory: Path, config: Config) -> None:
  """Checks that a plan can stand where its run is to.

  Args:
    directory: the work directory.
    config: of the run.

  Raises:
    UserError: if it is of a run that cannot become this one, or cannot be
      written to.
  """
  from rdd_jax.experiment import workdir

  workdir.claim(directory, config, write=False)
  require_place(directory, 'workdir', directory=True)


def keep(directory: Path, config: Config, predicted: Plan) -> None:
  """Writes a plan where its run is to stand; what stands there is kept.

  Args:
    directory: the work directory.
    config: of the run, which may change what is not distilled again.
    predicted: the plan.

  Raises:
    UserError: if the directory is of a run that cannot become this one.
  """
  from rdd_jax.experiment import workdir
  from rdd_jax.plan.predict import FILE

  new = not (directory / 'config.json').exists()
  workdir.claim(directory, config, write=new)
  text = json.dumps(predicted.to_json(), indent=1)
  write_atomically(directory / FILE, text.encode())


def show(plan: Plan) -> str:
  """Formats a plan: seconds by stage, memory, and what was not predicted."""
  total = sum(plan.seconds.values())
  rows = {**plan.seconds, 'in all': total}
  lines = [plan.text]
  for name, s in rows.items():
    hours = f'  {s / 3600:,.1f} h' if s >= 3600 else ''
    lines.append(f'{name:<11}{s:>9,.1f} s{hours}')
  for name in ('resident', 'device'):
    if (size := plan.memory.get(name)) is not None:
      lines.append(f'{name:<11}{size / 2**20:>9,.0f} MiB at the peak')
  lines += [f'not predicted: {what}' for what in plan.unknown]
  return '\n'.join([*lines, f'planning took {plan.took:.1f} s'])


if __name__ == '__main__':
  cli.start(main, shared.hint)
