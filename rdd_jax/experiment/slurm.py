"""Writes the array jobs of a sweep, for a cluster of SLURM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import groupby
from pathlib import Path
import re
import shlex
import subprocess
import sys
from typing import NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.experiment.sweep import Job

SCRIPT = resources.files('rdd_jax.experiment') / 'slurm.sh'
SIZE = 1001  # of an array, where a site does not say otherwise
# What a task does with `Job.asked`, once it has its arguments.
KEEPS = r"""
digest=$({ [[ ! -f $file ]] || cat "$file"; } | sha256sum | cut -d ' ' -f 1)
asked=$(printf '%s\n' "$@" "$digest")
rm -f "$record"
keep_asked() {
  printf '%s' "$asked" > "$record.$SLURM_JOB_ID"
  mv "$record.$SLURM_JOB_ID" "$record"
}
trap '[[ $? != 0 ]] || keep_asked' EXIT
""".strip()


class Array(NamedTuple):
  """Describes an array job.

  Attributes:
    script: for sbatch.
    tasks: how many it has.
  """

  script: Path
  tasks: int


def write(
  jobs: Sequence[Job],
  out: Path,
  *,
  at_once: int = 0,
  size: int = SIZE,
  options: str = '',
) -> list[Array]:
  """Writes array jobs, one task for each run that is not finished.

  A script holds its commands, and sbatch keeps a copy of it: what is written
  later does not change what waits. A task that finishes well keeps what was
  asked of it, with the digest that its file had as it began, see `Job.done`.
  Task `i` of the script `k` is the run `k * size + i` of the grid, whichever
  others are finished.

  Args:
    jobs: the runs.
    out: gets `sweep.sh`, or `sweep-1.sh` and so on, and `logs/`.
    at_once: tasks of an array that may run at a time; 0 leaves it to the
      cluster.
    size: of the greatest array that the site takes.
    options: of sbatch, such as `--time=4:00:00 --gpus-per-node=0`.

  Returns:
    The array jobs, without those that have no task.

  Raises:
    UserError: if the options are not one line.
  """
  if '\n' in options:
    raise UserError(
      f'--sbatch={options!r}: give options of sbatch, in one line'
    )
  (out / 'logs').mkdir(parents=True, exist_ok=True)
  for old in scripts(out):
    old.unlink()
  found = []
  for k, begin in enumerate(range(0, len(jobs), size)):
    part = jobs[begin : begin + size]
    todo = {i: job for i, job in enumerate(part) if not job.done()}
    number = f'-{k + 1}' if len(jobs) > size else ''
    script = out / f'sweep{number}.sh'
    if todo:
      limit = f'%{at_once}' if at_once else ''
      script.write_text(_text(todo, out, ranges(todo) + limit, options))
      script.chmod(0o755)
      found.append(Array(script, len(todo)))
  return found


def scripts(out: Path) -> list[Path]:
  """Finds the scripts that `write` left in a directory."""
  return sorted([*out.glob('sweep.sh'), *out.glob('sweep-[0-9]*.sh')])


def largest() -> int:
  """Asks SLURM for the size of the greatest array; `SIZE` where it is not."""
  try:
    config = subprocess.run(
      ['scontrol', 'show', 'config'], capture_output=True, text=True, check=True
    ).stdout
  except (OSError, subprocess.CalledProcessError):
    return SIZE
  found = re.findall(r'(?:MaxArraySize\s*|max_array_tasks)=\s*(\d+)', config)
  return min((int(n) for n in found if int(n)), default=SIZE)


def submit(arrays: Sequence[Array], *, after: bool = False) -> list[str]:
  """Submits array jobs.

  Args:
    arrays: from `write`.
    after: whether each begins when the one before it has ended.

  Returns:
    Their numbers.

  Raises:
    UserError: if sbatch does not take one, with what it said.
  """
  found: list[str] = []
  for array in arrays:
    wait = [f'--dependency=afterany:{found[-1]}'] if after and found else []
    command = ['sbatch', '--parsable', *wait, str(array.script)]
    try:
      done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
      said = getattr(error, 'stderr', None) or str(error)
      raise UserError(_refused(said.strip(), array.script, found)) from error
    found.append(done.stdout.strip().partition(';')[0])
  return found


def ranges(numbers: Iterable[int]) -> str:
  """Formats numbers as an array of SLURM.

  >>> ranges([0, 1, 2, 5, 7, 8])
  '0-2,5,7-8'
  """
  found = []
  # What is in a row differs from its place by the same number.
  for _, group in groupby(enumerate(sorted(numbers)), lambda p: p[1] - p[0]):
    row = [number for _, number in group]
    found.append(f'{row[0]}-{row[-1]}' if row[1:] else f'{row[0]}')
  return ','.join(found)


def _text(jobs: dict[int, Job], out: Path, array: str, options: str) -> str:
  head, mark, body = SCRIPT.read_text().partition('set -euo pipefail\n')
  own = [line for line in head.splitlines() if line.startswith('#SBATCH ')]
  log = f'{str(out.absolute()).replace("%", "%%")}/logs/%A_%a.log'
  cases = [
    f'  {i}) set -- {shlex.join(job.arguments())}; {_record(job)} ;;'
    for i, job in jobs.items()
  ]
  lines = [
    '#!/usr/bin/env bash',
    '# Written by python -m rdd_jax.sweep; submit it by sbatch.',
    *own,
    '#SBATCH --job-name=sweep',
    f'#SBATCH --array={array}',
    f'#SBATCH --output="{log}"',
    *([f'#SBATCH {options}'] if options else []),
    mark.strip(),
    f'cd {shlex.quote(str(Path.cwd()))}',
    f'PYTHON=${{PYTHON:-{shlex.quote(sys.executable)}}}',
    'case ${SLURM_ARRAY_TASK_ID:-} in',
    *cases,
    f'  *) echo "usage: sbatch $0, of runs {array}" >&2; exit 2 ;;',
    'esac',
    KEEPS,
  ]
  return '\n'.join(lines) + '\n' + body


def _record(job: Job) -> str:
  record, file = job.record(), job.config.partition(':')[0]
  return f'record={shlex.quote(str(record))}; file={shlex.quote(file)}'


def _refused(said: str, script: Path, submitted: Sequence[str]) -> str:
  if re.search('generic resource|gres', said):
    advice = 'where there are no GPUs, add --sbatch=--gpus-per-node=0'
  else:
    advice = 'submit it where SLURM is, or give it options by --sbatch='
  before = f'; submitted before it: {", ".join(submitted)}' if submitted else ''
  return f'sbatch did not take {script} ({said}): {advice}{before}'
