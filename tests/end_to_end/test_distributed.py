"""Two processes of two devices do what one process does."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys
import time

from helpers import ROOT
import numpy as np
import pytest

import rdd_jax

FLAGS = (
  '--config.steps_per_call=2',
  '--config.log_every=1',
  '--config.checkpoint_every=20',
  '--config.baselines=()',
  '--config.whole.steps=0',
  '--config.evaluation.epochs=1',
)
MATCHING = (
  '--config=configs/dm_digits.py:smoke,width=4',
  '--config.steps=60',
)
DIVERTED = ('--config=configs/tad_digits.py:smoke,width=4',)
TRAJECTORIES = (
  '--config=configs/mtt_fashion_mnist.py:smoke,width=4',
  '--config.experts.number=6',
)
ENVIRONMENT = {**os.environ, 'XLA_FLAGS': '', 'PYTHON': sys.executable}


def two(directory: Path, *flags: str) -> subprocess.Popen[str]:
  """Starts two processes, with two devices each, on the loopback."""
  return subprocess.Popen(
    ['launch/local.sh', '2', *flags, *FLAGS, f'--workdir={directory}'],
    cwd=ROOT,
    env={**ENVIRONMENT, 'DEVICES': '2'},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    start_new_session=True,
  )


def one(directory: Path, *flags: str, devices: int = 1) -> None:
  count = f'--xla_force_host_platform_device_count={devices}'
  flags = (*flags, *FLAGS, f'--workdir={directory}')
  subprocess.run(
    [sys.executable, '-m', 'rdd_jax.main', *flags],
    cwd=ROOT,
    env={**ENVIRONMENT, 'XLA_FLAGS': count},
    check=True,
    capture_output=True,
    timeout=300,
  )


def losses(directory: Path) -> np.ndarray:
  lines = (directory / 'metrics.jsonl').read_text().splitlines()
  return np.array([json.loads(line)['loss'] for line in lines])


@pytest.fixture(scope='module')
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
  directory = tmp_path_factory.mktemp('single')
  one(directory, *MATCHING)
  return directory


def assert_close(a: Path, b: Path) -> None:
  # Sums over devices round in another order, and steps amplify it.
  x, y = losses(a), losses(b)
  assert len(x) == len(y) == 60
  np.testing.assert_allclose(x, y, rtol=1e-3)
  images = (rdd_jax.load(d).images for d in (a, b))
  np.testing.assert_allclose(*images, atol=1e-3)


@pytest.mark.slow
def test_two_processes_equal_one(single: Path, tmp_path: Path):
  process = two(tmp_path, *MATCHING)
  said, _ = process.communicate(timeout=300)
  assert process.returncode == 0, said
  assert '4 x cpu' in said
  assert_close(single, tmp_path)


@pytest.mark.slow
def test_one_process_resumes_what_two_began(single: Path, tmp_path: Path):
  process = two(tmp_path, *MATCHING)
  deadline = time.monotonic() + 200
  while not list(tmp_path.glob('checkpoints/*/manifest.json')):
    assert process.poll() is None, process.communicate()[0]
    assert time.monotonic() < deadline
    time.sleep(0.05)
  children = subprocess.run(
    ['pgrep', '-P', str(process.pid), '-f', 'rdd_jax.main'],
    capture_output=True,
    text=True,
    check=True,
  ).stdout.split()
  assert len(children) == 2
  os.kill(int(children[1]), 9)
  process.communicate(timeout=120)
  assert process.returncode != 0
  assert not (tmp_path / 'distilled.npz').exists()
  one(tmp_path, *MATCHING)
  assert_close(single, tmp_path)


@pytest.mark.slow
def test_two_processes_train_the_experts_of_one(tmp_path: Path):
  """Six experts on four devices: the second round is not full."""
  alone, both = tmp_path / 'a' / 'run', tmp_path / 'b' / 'run'
  one(alone, *TRAJECTORIES)
  process = two(both, *TRAJECTORIES)
  said, _ = process.communicate(timeout=300)
  assert process.returncode == 0, said
  ours, theirs = (
    sorted((tmp_path / d / 'experts').rglob('expert-*.f32')) for d in 'ab'
  )
  assert [p.name for p in ours] == [p.name for p in theirs]
  assert len(ours) == 6
  for a, b in zip(ours, theirs, strict=True):
    x, y = (np.fromfile(p, np.float32) for p in (a, b))
    np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(losses(alone), losses(both), rtol=1e-3)


@pytest.mark.slow
def test_two_processes_trust_whom_one_does(tmp_path: Path):
  alone, both = tmp_path / 'a', tmp_path / 'b'
  # On as many devices: sums in another order may move rows at a boundary.
  one(alone, *DIVERTED, devices=4)
  process = two(both, *DIVERTED)
  said, _ = process.communicate(timeout=300)
  assert process.returncode == 0, said
  ours, theirs = (np.load(d / 'relabelled.npz') for d in (alone, both))
  assert np.mean(ours['trust'] != theirs['trust']) < 0.002
  np.testing.assert_allclose(losses(alone), losses(both), rtol=1e-2)
