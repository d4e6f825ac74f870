"""A real SLURM: what is stopped there resumes, to the same set.

`.ci/slurm` starts one node of two cores with a GPU that JAX does not find, and
arrays of at most four tasks, and runs this.
"""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import re
import shlex
import signal
import subprocess
import sys
import time

from helpers import ROOT
import numpy as np
import pytest

from rdd_jax.experiment import workdir

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(
    'RDD_JAX_SLURM' not in os.environ, reason='.ci/slurm runs it'
  ),
]
CONFIG = 'configs/dm_digits.py'
SHORT = (
  '--config.evaluation.epochs=2',
  '--config.baselines=("random",)',
  '--config.whole.steps=0',
  '--config.checkpoint_every=100',
  '--config.log_every=10',
)
LONG = (*SHORT, '--config.steps=1500')
# Of two processes, each of which waits for the other at every step.
PAIR = (*SHORT, '--config.steps=60', '--config.checkpoint_every=10')
LEFT = 'PENDING', 'RUNNING', 'COMPLETING', 'CONFIGURING', 'REQUEUED'
# As a shell of somebody has it, and not as tests.
ENV = {k: v for k, v in os.environ.items() if k not in ('XLA_FLAGS', 'REQUEUE')}
ENV.pop('JAX_DISABLE_MOST_OPTIMIZATIONS', None)
ENV.pop('JAX_PLATFORMS', None)


def call(*command: object, **env: str) -> str:
  return subprocess.run(
    [str(word) for word in command],
    cwd=ROOT,
    env={**ENV, 'PYTHON': sys.executable, **env},
    capture_output=True,
    text=True,
    check=True,
  ).stdout


def submit(
  run: Path, *options: str, flags: tuple[str, ...] = LONG, **env: str
) -> str:
  """Submits `launch/slurm.sh`, and returns the number of the job."""
  options = ('--gpus-per-node=0', f'--output={run}-%j.log', *options)
  where = f'--config={CONFIG}:smoke,width=4', f'--workdir={run}'
  script = 'launch/slurm.sh'
  return call(
    'sbatch', '--parsable', *options, script, *where, *flags, **env
  ).strip()


def fields(number: str) -> list[dict[str, str]]:
  """What SLURM says of a job, or of each task of an array."""
  lines = call('scontrol', 'show', 'job', '-o', number).strip().splitlines()
  return [dict(re.findall(r'(\w+)=(\S*)', line)) for line in lines]


def wait(what: str, done: Callable[[], bool], seconds: float = 400) -> float:
  """Waits for something, and returns how many seconds it took."""
  begin = time.monotonic()
  while not done():
    assert time.monotonic() - begin < seconds, f'{what}: not after {seconds} s'
    time.sleep(0.2)
  return time.monotonic() - begin


def ended(number: str, seconds: float = 400) -> list[str]:
  """Waits for a job, and returns how each of its tasks ended."""

  def states() -> list[str]:
    return [task['JobState'] for task in fields(number)]

  wait(f'{number} ends', lambda: not set(states()) & set(LEFT), seconds)
  return [f'{t["JobState"]} {t["ExitCode"]}' for t in fields(number)]


def steps(run: Path) -> list[int]:
  path = run / 'metrics.jsonl'
  lines = path.read_text().splitlines() if path.exists() else []
  return [json.loads(line)['step'] for line in lines]


def begun(run: Path, more: int = 0) -> None:
  """Waits until a run has taken steps, and some more than it had."""
  wait(f'steps of {run.name}', lambda: max(steps(run), default=0) > more)


def same(run: Path, other: Path) -> bool:
  """Whether two runs finished with the same set, and no step twice."""
  assert not workdir.missing(run)
  found = steps(run)
  assert found == list(range(found[0], found[-1] + 1, found[0]))
  with (
    np.load(run / 'distilled.npz') as a,
    np.load(other / 'distilled.npz') as b,
  ):
    return set(a) == set(b) and all(np.array_equal(a[k], b[k]) for k in a)


def say(what: str) -> None:
  print(f'\n  {what}', end=' ', flush=True)


@pytest.fixture(scope='module')
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
  return tmp_path_factory.mktemp('50% of it')


@pytest.fixture(scope='module')
def limited(out: Path) -> str:
  """A run that is too long for its limit, twice; it takes a core meanwhile."""
  flags = (*SHORT, '--config.steps=1000000')
  return submit(out / 'limited', '--time=3', flags=flags, REQUEUE='1')


@pytest.fixture(scope='module')
def whole(out: Path, limited: str) -> Path:
  """A run that nothing stopped."""
  number = submit(out / 'whole')
  assert ended(number) == ['COMPLETED 0:0']
  assert steps(out / 'whole')[-1] == 1500
  return out / 'whole'


def test_one_task(whole: Path):
  say('one task: COMPLETED 0:0')
  assert same(whole, whole)


def test_cancelled(out: Path, whole: Path):
  number = submit(out / 'cancelled')
  begun(out / 'cancelled')
  call('scancel', number)
  (state,) = ended(number)
  (kept,) = {steps(out / 'cancelled')[-1]}
  assert not state.startswith('COMPLETED')
  assert workdir.missing(out / 'cancelled')
  again = ended(submit(out / 'cancelled'))
  say(f'scancel: {state}, {kept} of 1500 steps kept; then {again[0]}')
  assert again == ['COMPLETED 0:0']
  assert same(out / 'cancelled', whole)


def test_requeued(out: Path, whole: Path):
  number = submit(out / 'requeued')
  begun(out / 'requeued')
  call('scontrol', 'requeue', number)
  wait('pending', lambda: fields(number)[0]['JobState'] == 'PENDING')
  kept = steps(out / 'requeued')[-1]
  call('scontrol', 'update', f'JobId={number}', 'StartTime=now')
  assert ended(number) == ['COMPLETED 0:0']
  log = (out / f'requeued-{number}.log').read_text()
  assert [f'job {number}, start {i}:' in log for i in (1, 2, 3)] == [1, 1, 0]
  say(f'scontrol requeue: {kept} of 1500 steps kept, then COMPLETED 0:0')
  assert same(out / 'requeued', whole)


def test_no_gpu(out: Path):
  number = submit(out / 'gpu', '--gpus-per-node=1')
  (state,) = ended(number)
  line = (out / f'gpu-{number}.log').read_text().splitlines()[-1]
  say(f'a GPU that JAX does not find: {state}: {line}')
  assert state == 'FAILED 2:0'
  assert line.startswith('error: JAX finds no GPU')
  assert not (out / 'gpu').exists()


Done = subprocess.CompletedProcess[str]


def sweep(out: Path, grid: str, *flags: str) -> Done:
  command = (sys.executable, '-m', 'rdd_jax.sweep', f'--config={CONFIG}:smoke')
  sbatch = '--sbatch=--gpus-per-node=0'
  options = [sbatch] if any('--slurm' in flag for flag in flags) else []
  return subprocess.run(
    [*command, f'--arg={grid}', f'--out={out}', *options, *flags, '--', *SHORT],
    cwd=ROOT,
    env=ENV,
    capture_output=True,
    text=True,
    check=False,
  )


def numbers(done: Done) -> list[str]:
  assert done.returncode == 0, done.stderr
  found = re.search(r'tasks, as ([\d, ]+);', done.stdout)
  assert found, done.stdout
  return found[1].split(', ')


def test_sweep(out: Path):
  """Five members, one of which fails, in arrays of at most four."""
  out = out / 'sweep'
  grid = 'ipc=1|2|3|4|x'
  submitted = numbers(sweep(out, grid, '--slurm=submit'))
  assert len(submitted) == 2
  states = [state for number in submitted for state in ended(number)]
  assert sorted(states) == 4 * ['COMPLETED 0:0'] + ['FAILED 2:0']
  logs = {path.name for path in (out / 'logs').iterdir()}
  tasks = {f'{submitted[0]}_{i}.log' for i in range(4)}
  assert logs == {*tasks, f'{submitted[1]}_0.log'}
  place = shlex.quote(str(out))
  runs = subprocess.run(
    f'python -m rdd_jax.compare {place}/*/ --html={place}/page.html',
    shell=True,
    cwd=ROOT,
    env=ENV,
    capture_output=True,
    text=True,
    check=False,
  )
  assert runs.returncode == 0, runs.stderr
  assert 'logs is no run' in runs.stdout
  assert '4 runs' in (out / 'page.html').read_text()
  say(f'sweep of five, arrays of four: {", ".join(sorted(states))}')
  # Nothing runs here, nor there what is finished.
  here = sweep(out, grid)
  assert here.returncode == 2
  assert '1 of 5 runs are not finished' in here.stderr
  assert (out / 'compare.html').exists()
  (number,) = numbers(sweep(out, grid, '--slurm=submit'))
  assert ended(number) == ['FAILED 2:0']
  say(f'again: only the failed one, FAILED 2:0; without --slurm: {here.stderr}')


def test_what_waits_is_not_shifted(out: Path):
  out = out / 'two'
  held = ['--slurm=submit', '--sbatch=--gpus-per-node=0 --hold']
  (first,) = numbers(sweep(out, 'ipc=1|2', *held))
  (second,) = numbers(sweep(out, 'ipc=3', '--slurm=submit'))
  assert ended(second) == ['COMPLETED 0:0']
  call('scontrol', 'release', first)
  assert ended(first) == 2 * ['COMPLETED 0:0']
  for task in (0, 1):
    log = (out / 'logs' / f'{first}_{task}.log').read_text()
    assert f'ipc={task + 1} ' in log
  done = [p.name for p in out.glob('dm_*') if not workdir.missing(p)]
  say(f'a second sweep written while the first waits: {sorted(done)}')
  assert sorted(done) == [f'dm_digits-smoke,ipc={i}' for i in (1, 2, 3)]


def test_time_limit(out: Path, limited: str):
  """The first time it is requeued, the second time it has used that up."""
  (log,) = out.glob('limited-*.log')
  wait('requeued', lambda: fields(limited)[0]['Restarts'] == '1')
  if fields(limited)[0]['JobState'] == 'PENDING':
    call('scontrol', 'update', f'JobId={limited}', 'StartTime=now')
  (state,) = ended(limited)
  first, second = log.read_text().split(f'job {limited}, start 2:')
  at = [re.findall(r' (\d+)/1000000', text) for text in (first, second)]
  say(f'time limit: requeued at step {at[0][-1]}; then {state} at {at[1][-1]}')
  assert first.count('requeued, 1 left') == 1
  assert 'requeued' not in second
  assert not state.startswith('COMPLETED')
  assert at[1][0] == at[0][-1]
  found = steps(out / 'limited')
  assert found == list(range(10, int(at[1][-1]) + 1, 10))


def test_two_tasks(out: Path):
  number = submit(out / 'both', '--ntasks-per-node=2', flags=SHORT)
  assert ended(number) == ['COMPLETED 0:0']
  assert not workdir.missing(out / 'both')
  devices = json.loads((out / 'both' / 'cost.json').read_text())['devices']
  say(f'two tasks: COMPLETED 0:0, {devices}')
  assert devices == '2 x cpu'


@pytest.mark.parametrize('how', ['killed', 'cancelled'])
def test_two_tasks_stopped(out: Path, how: str):
  run = out / f'both-{how}'
  number = submit(run, '--ntasks-per-node=2', flags=PAIR)
  begun(run)
  if how == 'killed':
    listed = call('scontrol', 'listpids', number).splitlines()
    (pid, *_), *_ = (x for x in map(str.split, listed) if x[3:] == ['1', '1'])
    os.kill(int(pid), signal.SIGKILL)
  else:
    call('scancel', number)
  took = wait('end', lambda: fields(number)[0]['JobState'] not in LEFT, 60)
  (state,) = ended(number)
  kept = steps(run)[-1]
  again = ended(submit(run, '--ntasks-per-node=2', flags=PAIR))
  say(f'two, {how}: {state} in {took:.0f} s, {kept} steps; then {again[0]}')
  assert not state.startswith('COMPLETED')
  assert again == ['COMPLETED 0:0']
  assert same(run, run)
