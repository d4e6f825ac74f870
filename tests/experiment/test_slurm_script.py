"""The script of SLURM passes on signals and statuses, and wants its GPU."""

from __future__ import annotations

from pathlib import Path
import signal
import subprocess
import time

from experiment.test_slurm import SCRIPT, SHOW, fake
import pytest


def launched(
  tmp_path: Path, srun: str, **variables: str
) -> subprocess.Popen[str]:
  scontrol = f'echo "$*" >> {tmp_path}/scontrol'
  env = fake(tmp_path / 'bin', srun=srun, scontrol=scontrol)
  return subprocess.Popen(
    ['bash', SCRIPT, '--config=a b'],
    env={**env, **variables},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


@pytest.mark.parametrize('status', [0, 2, 137, 143])
def test_the_status_is_that_of_the_run(tmp_path: Path, status: int):
  job = launched(tmp_path, f'{SHOW}; exit {status}', REQUEUE='3')
  said, _ = job.communicate(timeout=20)
  assert job.returncode == status
  assert said.splitlines()[-2:] == ['--distributed', '--config=a b']
  assert not (tmp_path / 'scontrol').exists()


SAVES = """
trap 'echo saved; exit 138' USR1
trap 'echo ended; exit 9' TERM
echo ready
for ((i = 0; i < 100; i++)); do sleep 0.1; done
"""


@pytest.mark.parametrize(
  ('restarts', 'requeued'), [('', True), ('1', True), ('2', False)]
)
def test_the_warning_of_a_time_limit_is_passed_on(
  tmp_path: Path, restarts: str, requeued: bool
):
  job = launched(tmp_path, SAVES, REQUEUE='2', SLURM_RESTART_COUNT=restarts)
  assert job.stdout is not None
  while job.stdout.readline() != 'ready\n':
    assert job.poll() is None
  job.send_signal(signal.SIGUSR1)
  job.send_signal(signal.SIGCONT)  # which SLURM sends as well
  said, _ = job.communicate(timeout=20)
  assert job.returncode == 138
  assert said.startswith('saved\n')
  asked = tmp_path / 'scontrol'
  assert asked.exists() == requeued
  if requeued:
    assert asked.read_text() == 'requeue 7\n'


def test_what_slurm_sends_to_all_is_not_sent_twice(tmp_path: Path):
  job = launched(tmp_path, SAVES.replace('100', '10'), REQUEUE='2')
  assert job.stdout is not None
  while job.stdout.readline() != 'ready\n':
    assert job.poll() is None
  begin = time.monotonic()
  job.send_signal(signal.SIGTERM)
  said, _ = job.communicate(timeout=20)
  assert (said, job.returncode) == ('', 0)
  assert time.monotonic() - begin > 0.5
  assert not (tmp_path / 'scontrol').exists()


@pytest.mark.parametrize(
  ('variables', 'runs'),
  [
    ({}, True),
    ({'SLURM_GPUS_ON_NODE': '0'}, True),
    ({'SLURM_GPUS_ON_NODE': '1'}, False),
    ({'SLURM_GPUS_ON_NODE': '1', 'JAX_PLATFORMS': 'cpu'}, True),
    ({'SLURM_GPUS_ON_NODE': '1', 'KIND': 'gpu'}, True),
  ],
)
def test_gpus_are_not_left_idle_unsaid(tmp_path: Path, variables, runs: bool):
  """The second of two nodes has none that JAX finds."""
  srun = (
    'if [[ $* == *default_backend* ]]; then\n'
    '  echo gpu n1; echo "${KIND:-cpu}" n2; exit; fi; echo runs'
  )
  job = launched(tmp_path, srun, **variables)
  said, wrong = job.communicate(timeout=20)
  assert (said.splitlines()[-1] == 'runs') == runs
  assert job.returncode == (0 if runs else 2)
  if not runs:
    assert wrong.count('\n') == 1
    assert 'no GPU on n2' in wrong
    assert '--gpus-per-node=0' in wrong
