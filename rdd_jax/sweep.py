"""Runs a grid of configurations, and shows them on one page.

python -m rdd_jax.sweep --config=configs/trustdd_digits.py --jobs=2
  --arg='outliers=none|poe,seed=0|1' --out=runs/sweep

`|` parts values, of which all combinations are run; --config and --arg may be
given several times, and what follows `--` goes to every run. The same command
again skips finished runs and resumes others. A run that fails leaves the others
alone and is named at the end, with the last line of its log. `--record=NAME`
keeps the table. `--slurm=write` writes an array job of what is not finished,
one run to a task, for sbatch; `--slurm=submit` submits it. After it the command
without --slurm, or `python -m rdd_jax.compare OUT/*/`, makes the page,
`OUT/compare.html`.
"""

from __future__ import annotations

from pathlib import Path
import shlex
import subprocess
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
_JOBS = flags.DEFINE_integer('jobs', 1, 'Runs at a time.', lower_bound=1)
_SLURM = flags.DEFINE_enum(
  'slurm', None, ['write', 'submit'], 'An array job instead of local runs.'
)


def main(argv: list[str]) -> None:
  """Runs the grid, or writes or submits it as an array job."""
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
  from rdd_jax.experiment import sweep as sweeps
  from rdd_jax.runtime.owner import owned

  todo = sweeps.sweep(_CONFIG.value, _ARG.value, out, extra)
  with owned(out, 'out'):
    earlier = any(job.finished() for job in todo)
    if _SLURM.value:
      return slurm(todo, out)
    failed = sweeps.run_all(todo, out / 'logs', _JOBS.value, say)
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
    records.keep(recorded(runs, command, earlier=earlier))


def slurm(todo: list[sweeps.Job], out: Path) -> None:
  """Writes the array job, and submits it if it is asked to.

  Args:
    todo: jobs, of which the unfinished ones become tasks.
    out: where the script and its logs go.

  Raises:
    UserError: if sbatch does not take it.
  """
  from rdd_jax.experiment import sweep as sweeps

  script, count = sweeps.slurm_array(
    todo, out, _JOBS.value if _JOBS.present else 0
  )
  if not count:
    say('all runs are finished; leave out --slurm for the page')
  elif _SLURM.value == 'write':
    say(f'{count} tasks; submit them by: sbatch {shlex.quote(str(script))}')
  else:
    try:
      subprocess.run(['sbatch', str(script)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
      raise UserError(
        f'sbatch did not take {script} ({error}): submit it where SLURM is'
      ) from error


def say(text: str) -> None:
  """Prints at once, as output is often a file."""
  print(text, flush=True)


if __name__ == '__main__':
  cli.start(main, resumes=True)
