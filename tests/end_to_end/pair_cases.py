"""Runs of two processes of two devices, of one, and how equal they are."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import socket
import subprocess
import sys
import time

from helpers import ONE_DEVICE, ROOT
import numpy as np

PATHS = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])
ENVIRONMENT = {**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': PATHS}


def flags_of(devices: int) -> str:
  """XLA_FLAGS of a process with some CPU devices."""
  return f'{ONE_DEVICE} --xla_force_host_platform_device_count={devices}'


def two(
  directory: Path, *flags: str, devices: int = 2
) -> subprocess.Popen[str]:
  """Starts two processes, with two devices each, by `launch/local.sh`."""
  return subprocess.Popen(
    ['launch/local.sh', '2', *flags, f'--workdir={directory}'],
    cwd=ROOT,
    env={**ENVIRONMENT, 'DEVICES': str(devices), 'XLA_FLAGS': ONE_DEVICE},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    start_new_session=True,
  )


def apart(directory: Path, *flags: str) -> list[subprocess.Popen[str]]:
  """Starts two processes, with two devices each, which nobody looks after.

  What they say is in `directory.with_suffix('.0.log')` and `.1.log`.
  """
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
  words = [sys.executable, '-m', 'rdd_jax.main', '--distributed']
  processes = []
  for rank in range(2):
    with directory.with_suffix(f'.{rank}.log').open('w') as log:
      processes.append(
        subprocess.Popen(
          [*words, *flags, f'--workdir={directory}'],
          cwd=ROOT,
          env={
            **ENVIRONMENT,
            'XLA_FLAGS': flags_of(2),
            'RDD_JAX_COORDINATOR': f'127.0.0.1:{port}',
            'RDD_JAX_NUM_PROCESSES': '2',
            'RDD_JAX_PROCESS_ID': str(rank),
          },
          stdout=log,
          stderr=subprocess.STDOUT,
          text=True,
        )
      )
  return processes


def one(directory: Path, *flags: str, devices: int = 1) -> None:
  """Runs one process to its end, which has to be a good one."""
  done = subprocess.run(
    [
      *(sys.executable, '-m', 'rdd_jax.main'),
      *(*flags, f'--workdir={directory}'),
    ],
    cwd=ROOT,
    env={**ENVIRONMENT, 'XLA_FLAGS': flags_of(devices)},
    capture_output=True,
    text=True,
    check=False,
    timeout=900,
  )
  assert done.returncode == 0, done.stdout + done.stderr


def wait(process: subprocess.Popen[str], done: Callable[[], bool]) -> None:
  """Waits for something while a process runs."""
  deadline = time.monotonic() + 600
  while not done():
    assert process.poll() is None, 'it ended'
    assert time.monotonic() < deadline
    time.sleep(0.05)


def losses(directory: Path) -> np.ndarray:
  """The loss of each step."""
  lines = (directory / 'metrics.jsonl').read_text().splitlines()
  return np.array([json.loads(line)['loss'] for line in lines])


def assert_sets_close(a: Path, b: Path, *, atol: float) -> None:
  """Fails unless two runs have the same arrays, up to rounding."""
  with (
    np.load(a / 'distilled.npz') as ours,
    np.load(b / 'distilled.npz') as theirs,
  ):
    assert set(ours) == set(theirs)
    for name in ours:
      np.testing.assert_allclose(
        ours[name], theirs[name], atol=atol, err_msg=name
      )


def assert_close(a: Path, b: Path) -> None:
  """Fails unless two runs have the same steps, sets and judged numbers.

  Up to rounding: sums over devices round in another order, and steps amplify
  it; of five hundred test rows, fifty of a class, one may fall on the other
  side.
  """
  x, y = losses(a), losses(b)
  assert len(x) == len(y) > 0
  np.testing.assert_allclose(x, y, rtol=1e-3)
  assert_sets_close(a, b, atol=1e-3)
  rows, others = (
    json.loads((d / 'results.json').read_text())['rows'] for d in (a, b)
  )
  assert rows.keys() == others.keys()
  for row, metrics in rows.items():
    assert metrics.keys() == others[row].keys()
    for metric, found in metrics.items():
      np.testing.assert_allclose(
        found['mean'],
        others[row][metric]['mean'],
        rtol=5e-3,  # a temperature is fitted to confidences
        atol=0.025 if 'class' in metric else 2.5e-3,
        err_msg=f'{metric} of {row}',
      )
