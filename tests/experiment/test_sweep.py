"""Grids are all combinations; a sweep loses nothing and does nothing twice."""

from __future__ import annotations

from itertools import product
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

from helpers import ROOT
import pytest

from rdd_jax import sweep as command
from rdd_jax.config import arguments
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import sweep as sweeps
from rdd_jax.experiment import workdir
from rdd_jax.runtime.processes import Runner

TINY = (
  '--config.evaluation.epochs=2',
  '--config.baselines=("random",)',
  '--config.whole.steps=0',
)


@pytest.mark.parametrize(
  'choices',
  [
    {'ipc': ['1']},
    {'ipc': ['1', '10', '50'], 'seed': ['0', '1']},
    {'a': ['x', 'y'], 'b': ['1', '2', '3'], 'c': ['', 'oe:tfds:svhn@test']},
  ],
)
def test_a_grid_is_every_combination_once(choices: dict[str, list[str]]):
  text = ','.join(f'{key}={"|".join(v)}' for key, v in choices.items())
  wanted = [
    ','.join(f'{key}={v}' for key, v in zip(choices, point, strict=True))
    for point in product(*choices.values())
  ]
  found = sweeps.grid(text)
  assert found == wanted
  assert len(set(found)) == len(found)


def test_a_point_is_an_argument_string():
  fields = {'ipc': 1, 'seed': 0, 'smoke': False}
  found = [arguments.parse(p, **fields) for p in sweeps.grid('ipc=2|3,smoke')]
  assert found == [{'ipc': i, 'seed': 0, 'smoke': True} for i in (2, 3)]
  assert sweeps.grid('') == ['']


@pytest.mark.parametrize('text', ['ipc=1|1', '=1|2', 'a=1,b=x|y|x'])
def test_a_grid_that_repeats_itself_is_refused(text: str):
  with pytest.raises(UserError, match='values that differ'):
    sweeps.grid(text)


def test_every_job_has_a_directory_of_its_own(tmp_path: Path):
  found = sweeps.sweep(
    ['configs/a.py', 'configs/b.py:width=4'],
    ['seed=0|1', 'noise=x/y'],
    tmp_path,
    ['--config.steps=3'],
  )
  assert [job.config for job in found] == [
    'configs/a.py:seed=0',
    'configs/a.py:seed=1',
    'configs/a.py:noise=x/y',
    'configs/b.py:width=4,seed=0',
    'configs/b.py:width=4,seed=1',
    'configs/b.py:width=4,noise=x/y',
  ]
  assert len({job.directory for job in found}) == len(found)
  assert {job.directory.parent for job in found} == {tmp_path}
  assert found[0].arguments()[-1] == '--config.steps=3'


def test_jobs_of_one_name_are_refused(tmp_path: Path):
  with pytest.raises(UserError, match='both be named a-x=1_2'):
    sweeps.sweep(['configs/a.py'], ['x=1/2|1:2'], tmp_path)


def test_what_is_left_to_slurm_does_not_run_here(tmp_path: Path, monkeypatch):
  """The command without --slurm: names what is not finished, and no more."""
  ran: list[str] = []
  monkeypatch.setattr(Runner, 'run', lambda *args: ran.append(args[1]))

  def given(slurm: str = '', jobs: int = 0) -> None:
    # Other commands have flags of these names in this process.
    for name, value in {
      '_CONFIG': ['configs/dm_digits.py'],
      '_ARG': ['seed=0|1'],
      '_SLURM': slurm,
      '_JOBS': jobs or 1,
    }.items():
      flag = SimpleNamespace(value=value, present=name != '_JOBS' or jobs)
      monkeypatch.setattr(command, name, flag)
    command.run(tmp_path, [])

  given(slurm='write')
  with pytest.raises(UserError, match=r'2 of 2 .* --slurm=submit') as caught:
    given()
  assert 'dm_digits-seed=0; dm_digits-seed=1' in str(caught.value)
  assert ran == []
  with pytest.raises(UserError, match='2 of 2 runs did not finish'):
    given(jobs=1)
  assert len(ran) == 2


def test_what_was_finished_by_other_flags_or_another_file_is_run_again(
  tmp_path: Path, monkeypatch
):
  ran: list[str] = []

  def run(self: Runner, asked: list[str], log: Path) -> bool:
    del self
    log.parent.mkdir(parents=True, exist_ok=True)
    where = Path(asked[4].removeprefix('--workdir='))
    where.mkdir(exist_ok=True)
    for name in workdir.OUTPUTS:
      (where / name).touch()
    ran.append(where.name)
    return True

  monkeypatch.setattr(Runner, 'run', run)
  file = tmp_path / 'dm.py'
  file.write_text('1')

  def given(*flags: str) -> list[str]:
    ran.clear()
    jobs = sweeps.sweep([str(file)], ['seed=0|1'], tmp_path, flags)
    assert not sweeps.run_all(jobs, say=lambda _: None)
    return ran

  both = ['dm-seed=0', 'dm-seed=1']
  assert given() == both
  assert given() == []
  assert given('--config.evaluation.epochs=3') == both
  assert given('--config.evaluation.epochs=3') == []
  assert given() == both
  file.write_text('2')
  assert given() == both
  (tmp_path / 'dm-seed=1' / 'results.json').unlink()
  assert given() == ['dm-seed=1']


def test_what_was_asked_is_what_a_run_began_with(tmp_path: Path, monkeypatch):
  """Its file may be edited while it runs, and it may end before it is done."""
  file = tmp_path / 'dm.py'
  (job,) = sweeps.sweep([str(file)], [], tmp_path)

  def run(edited: str, *, ended: bool = True) -> bool:
    def edit(self: Runner, asked: list[str], log: Path) -> bool:
      del self, asked
      log.parent.mkdir(parents=True, exist_ok=True)
      job.directory.mkdir(exist_ok=True)
      for name in workdir.OUTPUTS:
        (job.directory / name).touch()
      file.write_text(edited)
      return ended

    monkeypatch.setattr(Runner, 'run', edit)
    sweeps.run_all([job], say=lambda _: None)
    return job.done()

  file.write_text('1')
  assert run('1')
  file.write_text('2')
  assert not run('3')
  file.write_text('2')
  assert job.done()
  file.write_text('4')  # the outputs are there, and of nobody knows what
  assert not run('4', ended=False)
  file.write_text('2')
  assert not job.done()


def test_a_runner_ends_what_takes_too_long(tmp_path: Path):
  code = (
    'import signal, sys, time\n'
    'signal.signal(signal.SIGTERM, lambda *_: sys.exit("saved"))\n'
    'print("begun", flush=True)\ntime.sleep(60)'
  )
  log, begin = tmp_path / 'logs' / 'a.log', time.monotonic()
  assert not Runner().run([sys.executable, '-c', code], log, seconds=2)
  assert time.monotonic() - begin < 30
  assert log.read_text().split() == ['begun', 'saved']
  stopped = Runner()
  stopped.stop()
  assert not stopped.run([sys.executable, '-c', 'print("more")'], log)
  assert 'more' not in log.read_text()


def test_a_terminal_reaches_a_run_through_its_runner_alone(tmp_path: Path):
  """Ctrl-C is sent to all of a group: a run is of another one."""
  log = tmp_path / 'a.log'
  code = 'import os; print(os.getpgid(0), os.getpid())'
  assert Runner().run([sys.executable, '-c', code], log)
  group, process = map(int, log.read_text().split())
  assert group == process != os.getpgid(0)


def sweep(out: Path, *flags: str) -> list[str]:
  return [
    *(sys.executable, 'launch/sweep.py', f'--out={out}'),
    '--config=configs/dm_digits.py:smoke,width=4',
    *flags,
    '--',
    *TINY,
  ]


def environment() -> dict[str, str]:
  return {**os.environ, 'XLA_FLAGS': '', 'PYTHONPATH': str(ROOT)}


@pytest.mark.slow
def test_a_sweep_loses_nothing_and_repeats_nothing(tmp_path: Path):
  command = sweep(tmp_path, '--arg=seed=0|1', '--arg=noise=odd', '--jobs=2')
  options = {'cwd': ROOT, 'env': environment(), 'text': True}

  def again() -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, check=False, **options)

  with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as cut:
    first = tmp_path / 'dm_digits-smoke,width=4,seed=0'
    while not (first / 'checkpoints').exists():
      assert cut.poll() is None, 'ended before it could be stopped'
      time.sleep(0.05)
    cut.send_signal(signal.SIGTERM)
    cut.communicate()
  assert cut.returncode == 143
  assert workdir.missing(first)
  found = again()
  assert found.returncode == 2
  last = found.stderr.strip().splitlines()[-1]
  assert '1 of 3 runs did not finish' in last
  assert 'noise=odd (error: ' in last
  assert "'odd'" in last
  whole = [d for d in tmp_path.glob('dm_digits*') if not workdir.missing(d)]
  assert len(whole) == 2
  assert json.loads((first / 'cost.json').read_text())['parts'] == 2
  page = (tmp_path / 'compare.html').read_text()
  assert '2 runs' in page
  before = {d: (d / 'results.json').stat().st_mtime_ns for d in whole}
  found = again()
  assert found.stdout.count('finished before') == 2
  assert before == {d: (d / 'results.json').stat().st_mtime_ns for d in whole}


@pytest.mark.slow
def test_two_sweeps_on_one_output_and_ctrl_c(tmp_path: Path):
  """The second is refused; the first lets its runs save, and says so."""
  command = [*sweep(tmp_path, '--arg=seed=0|1', '--jobs=2')]
  command += ['--config.steps=1000000']
  options = {'cwd': ROOT, 'env': environment(), 'text': True}
  with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as first:
    lines = [
      tmp_path / f'dm_digits-smoke,width=4,seed={i}' / 'metrics.jsonl'
      for i in range(2)
    ]
    while not all(path.exists() for path in lines):
      assert first.poll() is None, 'ended before it could be stopped'
      time.sleep(0.05)
    second = subprocess.run(
      command, capture_output=True, check=False, **options
    )
    assert second.returncode == 2
    assert f'is in use by process {first.pid} on' in second.stderr
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate()
  assert first.returncode == 130
  assert '; to resume: python launch/sweep.py --out=' in said or (
    '; to resume: python -m rdd_jax.sweep --out=' in said
  )
  for path in lines:
    assert any((path.parent / 'checkpoints').iterdir())
    log = (tmp_path / 'logs' / f'{path.parent.name}.log').read_text()
    assert 'stopped and saved; to resume: python -m rdd_jax.main' in log
