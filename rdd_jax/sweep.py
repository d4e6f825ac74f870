"""Runs a grid of configurations, and shows them on one page.

python -m rdd_jax.sweep --config=configs/trustdd_digits.py --jobs=2
  --arg='outliers=none|poe,seed=0|1' --out=runs/sweep

`|` parts values, of which all combinations are run; --config and --arg may be
given several times, and what follows `--` goes to every run. The same command
again skips finished runs and resumes others; by other flags, or an edited file,
it does again what these change. A run that fails leaves the others alone and is
named at the end, with the last line of its log. `--record=NAME` keeps the
table, with --paired differences to the first run. All ends in a page,
`OUT/compare.html`.

`--slurm=write` runs nothing, and writes array jobs of what is not finished, one
run to a task, for sbatch; `--slurm=submit` submits them; `--sbatch='--time=4:00
--gpus-per-node=0'` gives them options. From then on the command without --slurm
makes the page of what is finished and names the rest, which it runs on this
machine only by --jobs=N.
"""

from __future__ import annotations

from pathlib import Path
import shlex
import sys
from typing import TYPE_CHECKING

from absl import flags

from rdd_jax.core.errors import UserError
from rdd_jax.records import flag as records
from rdd_jax.runtime import cli

if TYPE_CHECKING:
  from rdd_jax.experiment import sweep as sweeps

flags.adopt_module_key_flags(records)
# Where two commands are imported, as by tests, each may have its own --out.
_CONFIG = flags.DEFINE_multi_string(
  'config', [], 'FILE.py[:arguments].', allow_override=True
)
_ARG = flags.DEFINE_multi_string('arg', [], "A grid: 'ipc=1|10,seed=0|1'.")
_OUT = flags.DEFINE_string(
  'out', 'runs/sweep', 'Where everything goes.', allow_override=True
)
_PAIRED = flags.DEFINE_bool(
  'paired',
  False,
  'With --record: differences to the first run too, and what would have shown.',
  allow_override=True,
)
_JOBS = flags.DEFINE_integer('jobs', 1, 'Runs at a time.', lower_bound=1)
_SLURM = flags.DEFINE_enum(
  'slurm', None, ['write', 'submit'], 'Array jobs instead of local runs.'
)
_SBATCH = flags.DEFINE_string(
  'sbatch', '', 'Options of sbatch, with --slurm: --time=4:00:00 and the like.'
)


def main(argv: list[str]) -> None:
  """Runs the grid, or writes or submits it as array jobs."""
  records.asked()
  if not _CONFIG.value:
    raise UserError('no configuration: give --config=configs/quickstart.py')
  return run(Path(_OUT.value).absolute(), argv[1:])


def run(out: Path, extra: list[str]) -> None:
  """Runs the grid, or writes or submits it.

  Args:
    out: where everything goes.
    extra: flags of every run.
  """
  from rdd_jax.experiment import slurm
  from rdd_jax.experiment import sweep as sweeps
  from rdd_jax.runtime.owner import owned

  todo = sweeps.sweep(_CONFIG.value, _ARG.value, out, extra)
  if _SBATCH.value and not _SLURM.value:
    raise UserError('--sbatch goes with --slurm=write or --slurm=submit')
  with owned(out, 'out'):
    earlier = any(job.finished() for job in todo)
    if _SLURM.value:
      return array_jobs(todo, out)
    if slurm.scripts(out) and not _JOBS.present:
      return page_alone(todo, out)
    failed = sweeps.run_all(todo, _JOBS.value, say)
    side_by_side(todo, out, earlier=earlier)
  if failed:
    lines = '; '.join(f'{name} ({line})' for name, line in failed.items())
    raise UserError(
      f'{len(failed)} of {len(todo)} runs did not finish: {lines}; the same '
      'command resumes them'
    )
  return None


def side_by_side(
  todo: list[sweeps.Job], out: Path, *, earlier: bool = True
) -> None:
  """Prints the table and writes `compare.csv` and `compare.html`.

  Args:
    todo: jobs, of which the finished ones are compared.
    out: where the files go.
    earlier: whether any was finished before this command.
  """
  from rdd_jax.compare import __main__

  begun = [j.directory for j in todo if (j.directory / 'config.json').exists()]
  if not any(job.finished() for job in todo):
    return
  runs, notes = __main__.gather(begun)
  (out / 'compare.csv').write_text(__main__.to_csv(runs))
  page = out / 'compare.html'
  page.write_text(__main__.to_html(runs, notes), encoding='utf-8')
  say('\n'.join([__main__.text(runs), f'side by side in {page}']))
  if records.asked():
    from rdd_jax.compare.recorded import recorded
    from rdd_jax.records import origin

    command = origin.command('rdd_jax.sweep', sys.argv[1:])
    record = recorded(runs, command, earlier=earlier, paired=_PAIRED.value)
    records.keep(record)


def page_alone(todo: list[sweeps.Job], out: Path) -> None:
  """Makes the page of a sweep that SLURM runs, and runs nothing.

  Args:
    todo: jobs, of which the finished ones are compared.
    out: where the files go.

  Raises:
    UserError: if some are not finished, with their names.
  """
  side_by_side(todo, out)
  left = [job.name for job in todo if not job.done()]
  if left:
    raise UserError(
      f'{len(left)} of {len(todo)} runs are not finished, by these flags and '
      f'files: {"; ".join(left)}. They are for SLURM, by {out}/sweep*.sh, and '
      'nothing was run here: '
      'squeue shows those that wait, --slurm=submit submits all of them again, '
      '--jobs=1 runs them on this machine'
    )


def array_jobs(todo: list[sweeps.Job], out: Path) -> None:
  """Writes the array jobs, and submits them if it is asked to.

  Args:
    todo: jobs, of which the unfinished ones become tasks.
    out: where the scripts and their logs go.

  Raises:
    UserError: if sbatch does not take them.
  """
  from rdd_jax.experiment import slurm

  arrays = slurm.write(
    todo,
    out,
    at_once=_JOBS.value if _JOBS.present else 0,
    size=slurm.largest(),
    options=_SBATCH.value,
  )
  tasks = sum(array.tasks for array in arrays)
  if not arrays:
    say('all runs are finished; leave out --slurm for the page')
  elif _SLURM.value == 'write':
    commands = [f'sbatch {shlex.quote(str(a.script))}' for a in arrays]
    chained = ', each but the first with --dependency=afterany:NUMBER'
    after = chained if arrays[1:] and _JOBS.present else ''
    say(f'{tasks} tasks; submit them by: {"; ".join(commands)}{after}')
  else:
    numbers = slurm.submit(arrays, after=_JOBS.present)
    say(
      f'{tasks} tasks, as {", ".join(numbers)}; logs in {out / "logs"}, '
      'NUMBER_TASK.log; the same command without --slurm makes the page'
    )


def say(text: str) -> None:
  """Prints at once, as output is often a file; a line of several threads."""
  print(f'{text}\n', end='', flush=True)


if __name__ == '__main__':
  cli.start(main, resumes=True)
