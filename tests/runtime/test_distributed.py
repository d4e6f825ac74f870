"""One mesh axis, and errors that say what to do."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys

from helpers import ROOT
import jax
from jax.sharding import AxisType
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import distributed

LAUNCH = ROOT / 'launch'


@pytest.mark.parametrize('count', [None, 1, 3, 4])
def test_mesh_has_one_auto_axis(count):
  made = distributed.make_mesh(count)
  assert made.shape == {'data': count or jax.device_count()}
  assert made.axis_types == (AxisType.Auto,)


@pytest.mark.parametrize('count', [-1, 0, 5])
def test_devices_that_are_not_there(count):
  with pytest.raises(UserError, match=f'devices={count} asked.* 4 cpu') as e:
    distributed.make_mesh(count)
  assert '\n' not in str(e.value)


def test_use_sets_the_mesh():
  made = distributed.make_mesh(2)
  with distributed.use(made):
    assert jax.sharding.get_mesh() == made
  assert jax.sharding.get_mesh().empty


def test_replicate_places_all_on_all():
  made = distributed.make_mesh(4)
  tree = {
    'key': jax.random.key(1),
    'x': np.array([np.nan, 2], np.float32),
    'none': None,
  }
  placed = distributed.replicate(tree, made)
  for leaf in jax.tree.leaves(placed):
    assert leaf.sharding.is_fully_replicated
    assert len(leaf.devices()) == 4
  assert placed['none'] is None
  np.testing.assert_array_equal(placed['x'], tree['x'])
  assert jax.random.uniform(placed['key']) == jax.random.uniform(tree['key'])


def test_one_process_is_main_and_joins_nothing():
  assert distributed.is_main_process()
  distributed.initialise(None, {})
  distributed.initialise(False, {'RDD_JAX_COORDINATOR': 'host:1'})


@pytest.mark.parametrize(
  'env',
  [
    {},
    {'RDD_JAX_NUM_PROCESSES': '2'},
    {'RDD_JAX_NUM_PROCESSES': 'two', 'RDD_JAX_PROCESS_ID': '0'},
  ],
)
def test_incomplete_environment(env):
  with pytest.raises(UserError, match='RDD_JAX_COORDINATOR=host:1 needs whole'):
    distributed.initialise(None, {'RDD_JAX_COORDINATOR': 'host:1'} | env)


def test_no_cluster_to_join(monkeypatch):
  def initialize(**_: object) -> None:
    raise ValueError('coordinator_address should be defined.')

  monkeypatch.setattr(jax.distributed, 'initialize', initialize)
  with pytest.raises(UserError, match='found no cluster to join'):
    distributed.initialise(True, {})


LONELY = """
from rdd_jax.runtime import distributed
distributed.JOINING = 1
distributed.initialise(True, {
  'RDD_JAX_COORDINATOR': '127.0.0.1:%d',
  'RDD_JAX_NUM_PROCESSES': '2',
  'RDD_JAX_PROCESS_ID': '%d',
})
"""


@pytest.mark.parametrize('rank', [0, 1])
def test_others_that_never_join_are_a_line(rank):
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
  done = subprocess.run(
    [sys.executable, '-c', LONELY % (port, rank)],
    capture_output=True,
    cwd=ROOT,
    text=True,
    timeout=60,
    check=False,
  )
  assert done.returncode == 1
  assert done.stderr.splitlines()[-1] == (
    f'error: not all processes have joined at 127.0.0.1:{port} within 1 s: see '
    'that each of them runs and reaches it, and start all again'
  )


@pytest.mark.parametrize('script', sorted(LAUNCH.glob('*.sh')), ids=str)
def test_launch_scripts_parse(script):
  subprocess.run(['bash', '-n', script], check=True)
  usage = subprocess.run(
    ['bash', script],
    env={'PATH': os.environ['PATH']},
    capture_output=True,
    text=True,
    check=False,
  )
  assert usage.returncode == 2
  assert usage.stderr.startswith('usage: ')


@pytest.mark.parametrize(('fails', 'status'), [('', 0), ('1', 7)])
def test_local_launch_runs_all_and_stops_all(tmp_path, fails, status):
  real = shutil.which('sleep')
  python, sleep = tmp_path / 'python', tmp_path / 'sleep'
  python.write_text(
    '#!/usr/bin/env bash\n'
    'if [[ $1 == -c ]]; then echo 1234; exit; fi\n'
    'echo "$RDD_JAX_PROCESS_ID/$RDD_JAX_NUM_PROCESSES $*"\n'
    f'if [[ $RDD_JAX_PROCESS_ID == "{fails}" ]]; then exit 7; fi\n'
    f'if [[ -n "{fails}" ]]; then trap "" TERM; exec {real} 60; fi\n'
  )
  # It waits in fifty parts for what has not ended; here, for short ones.
  sleep.write_text(f'#!/bin/sh\nexec {real} 0.01\n')
  for file in (python, sleep):
    file.chmod(0o755)
  done = subprocess.run(
    ['bash', LAUNCH / 'local.sh', '3', '--config=a b'],
    env={'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'PYTHON': str(python)},
    capture_output=True,
    text=True,
    timeout=20,
    check=False,
  )
  assert done.returncode == status, done.stderr
  said = done.stdout.splitlines()
  expected = [
    f'{i}/3 -m rdd_jax.main --distributed --config=a b' for i in range(3)
  ]
  assert set(said) <= set(expected)
  assert fails or sorted(said) == expected


@pytest.mark.parametrize('again', [False, True])
def test_local_launch_lets_all_save(tmp_path, again):
  """What is stopped once saves, each process once; twice, it is killed."""
  python = tmp_path / 'python'
  python.write_text(
    '#!/usr/bin/env bash\n'
    'if [[ $1 == -c ]]; then echo 1234; exit; fi\n'
    'trap "echo told" TERM\necho begun\n'
    'for i in {1..10}; do sleep 0.1; done\necho saved\nexit 143\n'
  )
  python.chmod(0o755)
  with subprocess.Popen(
    ['bash', LAUNCH / 'local.sh', '2', '--config=a b'],
    env={'PATH': os.environ['PATH'], 'PYTHON': str(python)},
    stdout=subprocess.PIPE,
    text=True,
  ) as job:
    assert job.stdout is not None
    begun = [job.stdout.readline() for _ in range(2)]
    job.send_signal(signal.SIGTERM)
    told = [job.stdout.readline() for _ in range(2)]
    if again:
      job.send_signal(signal.SIGTERM)
    rest = job.stdout.read().split()
  assert (begun, told) == (2 * ['begun\n'], 2 * ['told\n'])
  assert rest == ([] if again else ['saved', 'saved'])
  assert job.returncode == 143


FAILING = """
from rdd_jax.runtime import distributed
distributed.initialise()
import jax, sys
from jax.experimental import multihost_utils
multihost_utils.sync_global_devices('begin')
if jax.process_index() == 1:
  {how}
multihost_utils.sync_global_devices('end')
"""


@pytest.mark.slow
@pytest.mark.parametrize(
  ('how', 'status'),
  [('distributed.leave(3)', 3), ("raise KeyError('gone')", 1)],
)
def test_one_failure_ends_the_others(tmp_path, how, status):
  (tmp_path / 'failing.py').write_text(FAILING.format(how=how))
  python = tmp_path / 'python'
  python.write_text(
    '#!/usr/bin/env bash\n'
    f'if [[ $1 == -c ]]; then exec {sys.executable} "$@"; fi\n'
    f'exec {sys.executable} {tmp_path}/failing.py\n'
  )
  python.chmod(0o755)
  done = subprocess.run(
    ['bash', LAUNCH / 'local.sh', '2'],
    env=os.environ | {'PYTHON': str(python), 'PYTHONPATH': str(LAUNCH.parent)},
    capture_output=True,
    text=True,
    timeout=60,
    check=False,
  )
  assert done.returncode == status, done.stderr
