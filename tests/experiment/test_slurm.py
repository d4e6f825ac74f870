"""Array jobs of a sweep hold each unfinished run once, and stay as they are."""

from __future__ import annotations

import os
from pathlib import Path
import re
import subprocess
import sys

from helpers import ROOT
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.experiment import slurm, workdir
from rdd_jax.experiment import sweep as sweeps

SCRIPT = ROOT / 'launch' / 'slurm.sh'
SHOW = 'printf "%s\\n" "$@"'


def fake(folder: Path, **commands: str) -> dict[str, str]:
  """An environment in which these commands are shell scripts."""
  folder.mkdir(exist_ok=True)
  for name, text in commands.items():
    (folder / name).write_text(f'#!/usr/bin/env bash\n{text}\n')
    (folder / name).chmod(0o755)
  return {'PATH': f'{folder}:{os.environ["PATH"]}', 'SLURM_JOB_ID': '7'}


def grid(out: Path, count: int) -> list[sweeps.Job]:
  seeds = '|'.join(str(i) for i in range(count))
  return sweeps.sweep(
    ['configs/a b.py'], [f'seed={seeds}'], out, ['--config.name="x $y"']
  )


def finish(job: sweeps.Job) -> None:
  job.directory.mkdir(parents=True)
  for name in workdir.OUTPUTS:
    (job.directory / name).write_text('')
  job.record().parent.mkdir(exist_ok=True)
  job.record().write_text(job.asked())


def tasks(script: Path) -> list[int]:
  """The numbers that a script asks for."""
  found = re.search(r'^#SBATCH --array=([\d,-]+)', script.read_text(), re.M)
  assert found
  ends = [text.split('-') for text in found[1].split(',')]
  return [i for a in ends for i in range(int(a[0]), int(a[-1]) + 1)]


def arguments(script: Path, task: int, env: dict[str, str]) -> list[str]:
  """What a task of a script passes to `rdd_jax.main`."""
  said = subprocess.run(
    ['bash', script],
    env={**env, 'SLURM_ARRAY_TASK_ID': str(task)},
    capture_output=True,
    text=True,
    check=True,
  ).stdout.splitlines()
  at = said.index('rdd_jax.main')
  assert said[at - 2] == sys.executable
  assert said[at + 1] == '--distributed'
  return said[at + 2 :]


def everything(
  arrays: list[slurm.Array], env: dict[str, str]
) -> list[list[str]]:
  return [
    arguments(a.script, task, env) for a in arrays for task in tasks(a.script)
  ]


@pytest.mark.parametrize('size', [1, 2, 3, 5, 1001])
@pytest.mark.parametrize('done', [(), (1,), (0, 1), (0, 1, 2, 3, 4)])
def test_every_unfinished_run_is_one_task(
  tmp_path: Path, size: int, done: tuple[int, ...]
):
  out = tmp_path / 'all "of" it'
  todo = grid(out, 5)
  for i in done:
    finish(todo[i])
  arrays = slurm.write(todo, out, size=size)
  left = [job.arguments() for i, job in enumerate(todo) if i not in done]
  env = fake(tmp_path / 'bin', srun=SHOW)
  assert everything(arrays, env) == left
  assert all(max(tasks(a.script)) < size for a in arrays)
  assert [a.tasks for a in arrays] == [len(tasks(a.script)) for a in arrays]
  assert slurm.scripts(out) == [a.script for a in arrays]


def test_what_was_submitted_stays_what_it_was(tmp_path: Path):
  """As sbatch copies a script, neither a finished run nor a grid shifts it."""
  todo = grid(tmp_path, 4)
  env = fake(tmp_path / 'bin', srun=SHOW)
  (array,) = slurm.write(todo, tmp_path)
  copy = tmp_path / 'spooled'
  copy.write_text(array.script.read_text())
  finish(todo[0])
  (again,) = slurm.write(todo, tmp_path)
  assert tasks(again.script) == [1, 2, 3]
  slurm.write(grid(tmp_path / 'other', 2), tmp_path)
  for task, job in enumerate(todo):
    assert arguments(copy, task, env) == job.arguments()
  assert [p.name for p in tmp_path.glob('*.txt')] == []


def test_a_task_keeps_its_number(tmp_path: Path):
  todo = grid(tmp_path, 4)
  env = fake(tmp_path / 'bin', srun=SHOW)
  finish(todo[1])
  (array,) = slurm.write(todo, tmp_path)
  for task in (0, 2, 3):
    assert arguments(array.script, task, env) == todo[task].arguments()
  wrong = subprocess.run(
    ['bash', array.script],
    env={**env, 'SLURM_ARRAY_TASK_ID': '1'},
    capture_output=True,
    text=True,
    check=False,
  )
  assert wrong.returncode == 2
  assert wrong.stderr.endswith('of runs 0,2-3\n')


def test_options_come_last_and_logs_are_of_one_task(tmp_path: Path):
  out = tmp_path / '50% of it'
  (array,) = slurm.write(
    grid(out, 2), out, at_once=2, options='--gpus-per-node=0 --time=5'
  )
  head = array.script.read_text().partition('set -euo')[0]
  lines = [x for x in head.splitlines() if x.startswith('#SBATCH')]
  assert lines[-1] == '#SBATCH --gpus-per-node=0 --time=5'
  assert '#SBATCH --array=0-1%2' in lines
  (log,) = (x for x in lines if '--output' in x)
  assert log.endswith('50%% of it/logs/%A_%a.log"')
  own = [x for x in SCRIPT.read_text().splitlines() if x.startswith('#SBATCH')]
  assert set(own) < set(lines)
  assert {'#SBATCH --open-mode=append', '#SBATCH --requeue'} < set(own)
  with pytest.raises(UserError, match='in one line'):
    slurm.write(grid(out, 2), out, options='--time=5\nrm')


def test_arrays_are_as_large_as_the_site_takes(tmp_path, monkeypatch):
  said = (
    'echo "MaxArraySize            = 40"; '
    'echo "SchedulerParameters     = bf_interval=2,max_array_tasks=30"'
  )
  monkeypatch.setenv('PATH', fake(tmp_path / 'a', scontrol=said)['PATH'])
  assert slurm.largest() == 30
  monkeypatch.setenv('PATH', fake(tmp_path / 'b', scontrol='exit 1')['PATH'])
  assert slurm.largest() == slurm.SIZE
  monkeypatch.setenv('PATH', str(tmp_path / 'nothing'))
  assert slurm.largest() == slurm.SIZE


@pytest.mark.parametrize('after', [False, True])
def test_submitting_names_what_was_taken(tmp_path, monkeypatch, after):
  log = tmp_path / 'log'
  accepts = (
    f'echo "$*" >> {log}\n'
    '[[ ${!#} != *-3.sh ]] || { echo "sbatch: no more" >&2; exit 1; }\n'
    f'echo "$(wc -l < {log})0;here"'
  )
  env = fake(tmp_path / 'bin', sbatch=accepts)
  monkeypatch.setenv('PATH', env['PATH'])
  arrays = slurm.write(grid(tmp_path, 5), tmp_path, size=2)
  assert slurm.submit(arrays[:2], after=after) == ['10', '20']
  second = log.read_text().splitlines()[1]
  assert ('--dependency=afterany:10' in second) == after
  with pytest.raises(UserError, match=r'-3\.sh .*no more.* before it: 30, 40$'):
    slurm.submit(arrays, after=after)


def test_a_task_is_known_by_what_was_asked(tmp_path: Path):
  """Neither other flags nor an edited file pass for what they are not."""
  file = tmp_path / 'd m.py'
  file.write_text('1')
  outputs = [f'touch "{tmp_path}/d_m/{name}"' for name in workdir.OUTPUTS]
  made = '; '.join([f'mkdir -p "{tmp_path}/d_m"', *outputs])

  def left(*flags: str) -> list[slurm.Array]:
    found = sweeps.sweep([str(file)], [], tmp_path, flags)
    return slurm.write(found, tmp_path)

  def run(array: slurm.Array, srun: str) -> None:
    env = fake(tmp_path / 'bin', srun=f'{made}; {srun}')
    env |= {'SLURM_ARRAY_TASK_ID': '0'}
    subprocess.run(['bash', array.script], env=env, check=False)

  flags = ("--config.name='x $y'", '--config.baselines=("random",)')
  run(*left(*flags), 'exit 143')
  assert left(*flags)  # its outputs are there, by something else
  run(*left(*flags), 'true')
  assert left(*flags) == []
  other = slurm.Array(tmp_path / 'spooled', 1)
  other.script.write_text(left()[0].script.read_text())
  run(other, 'exit 2')
  assert left(*flags)
  run(*left(*flags), 'true')
  file.write_text('2')
  run(*left(*flags), f'echo 3 > "{file}"')
  assert left(*flags)
  file.write_text('2')
  assert left(*flags) == []
  run(other, 'true')  # submitted long before
  assert left(*flags)
  assert left() == []
  assert [p.name for p in (tmp_path / 'logs').iterdir()] == ['d_m.asked']
