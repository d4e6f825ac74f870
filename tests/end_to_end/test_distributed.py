"""Two processes of two devices do what one process does."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import time

from end_to_end import fault_cases
from end_to_end.pair_cases import (
  apart,
  assert_close,
  assert_sets_close,
  losses,
  one,
  two,
  wait,
)
import numpy as np
import pytest

SHORT = (
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
  *SHORT,
)
DIVERTED = ('--config=configs/tad_digits.py:smoke,width=4', *SHORT)
TRAJECTORIES = (
  '--config=configs/mtt_fashion_mnist.py:smoke,width=4',
  '--config.experts.number=6',
  *SHORT,
)
FAMILY = 'tests/end_to_end/family.py'
# Of TAD: rounding may flip a ReLU, and by it rows that are divided by losses.
SMOOTH = (
  '--config.network.activation=softplus',
  '--config.network.pooling=avg',
)


@pytest.fixture(scope='module')
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
  directory = tmp_path_factory.mktemp('single')
  one(directory, *MATCHING)
  return directory


@pytest.mark.slow
@pytest.mark.parametrize('family', fault_cases.FAMILIES)
def test_two_processes_equal_one(family: str, tmp_path: Path):
  """In a home of each, where experts and baselines are; on two devices each."""
  alone, both = (tmp_path / name / 'run' for name in ('one', 'two'))
  flags = f'--config={FAMILY}:{family}', *(SMOOTH if family == 'tad' else ())
  one(alone, *flags)
  process = two(both, *flags)
  said, _ = process.communicate(timeout=900)
  assert process.returncode == 0, said
  assert '4 x cpu' in said
  assert_close(alone, both)


@pytest.mark.slow
def test_two_processes_read_a_stream_as_one(folder: Path, tmp_path: Path):
  """A teacher of ten steps, and the crops that it selects."""
  alone, both = (tmp_path / name / 'run' for name in ('one', 'two'))
  flags = (
    '--config=configs/rded_digits.py:smoke,width=8,ipc=2,labels=teacher',
    f'--config.data.name=folder:{folder}',
    '--config.data.stream=True',
    '--config.data.workers=1',
    '--config.seeds=1',
    '--config.experts.epochs=1',
    '--config.experts.epoch_steps=10',
    '--config.baselines=()',
    '--config.whole.steps=0',
    '--config.evaluation.epochs=1',
    '--config.evaluation.seeds=1',
  )
  one(alone, *flags, devices=4)
  said, _ = (process := two(both, *flags)).communicate(timeout=900)
  assert process.returncode == 0, said
  assert_sets_close(alone, both, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('victim', [0, 1])
def test_a_lost_process_ends_the_other(
  victim: int, single: Path, tmp_path: Path
):
  """At once, with its name; what was saved is resumed by one process."""
  directory = tmp_path / 'run'
  processes = apart(directory, *MATCHING)
  saved = 'checkpoints/*/manifest.json'
  wait(processes[0], lambda: any(directory.glob(saved)))
  processes[victim].kill()
  processes[victim].wait()
  begin = time.monotonic()
  left = processes[1 - victim]
  assert left.wait(timeout=60) == 1
  assert time.monotonic() - begin < 20
  line = (tmp_path / f'run.{1 - victim}.log').read_text().splitlines()[-1]
  pid = processes[victim].pid
  assert line.startswith(f'error: process {victim} of 2 ({pid} on ')
  assert 'to resume, start all again: python -m rdd_jax.main' in line
  assert any(directory.glob(saved))
  assert not (directory / 'distilled.npz').exists()
  one(directory, *MATCHING)
  assert_close(single, directory)


@pytest.mark.slow
def test_others_end_where_none_waits_for_them(tmp_path: Path):
  """While networks are judged, which each process does for itself."""
  directory = tmp_path / 'run'
  flags = f'--config={FAMILY}:dm', '--config.evaluation.epochs=20000'
  processes = apart(directory, *flags)
  log = tmp_path / 'run.0.log'
  wait(processes[0], lambda: 'judging' in log.read_text())
  processes[1].kill()
  processes[1].wait()
  assert processes[0].wait(timeout=60) == 1
  assert 'error: process 1 of 2 (' in log.read_text().splitlines()[-1]


@pytest.mark.slow
def test_a_stop_of_one_is_one_of_all(tmp_path: Path):
  """While networks are judged, likewise; the launcher is not told."""
  directory = tmp_path / 'run'
  flags = f'--config={FAMILY}:dm', '--config.evaluation.epochs=20000'
  processes = apart(directory, *flags)
  wait(processes[0], lambda: 'judging' in (tmp_path / 'run.0.log').read_text())
  processes[1].terminate()
  assert [process.wait(timeout=60) for process in processes] == [143, 143]
  for rank in range(2):
    said = (tmp_path / f'run.{rank}.log').read_text()
    assert 'to resume: python -m rdd_jax.main' in said
    assert 'error' not in said


@pytest.mark.slow
def test_the_launcher_says_which_was_lost(tmp_path: Path):
  """The others end by themselves, and it has the status of the first."""
  process = two(tmp_path / 'run', *MATCHING)
  wait(process, lambda: (tmp_path / 'run' / 'metrics.jsonl').exists())
  children = subprocess.run(
    ['pgrep', '-P', str(process.pid), '-f', 'rdd_jax.main'],
    capture_output=True,
    text=True,
    check=True,
  ).stdout.split()
  assert len(children) == 2
  os.kill(int(children[1]), 9)
  said, _ = process.communicate(timeout=60)
  assert process.returncode == 137
  assert f'error: process 1 of 2 ({children[1]} on ' in said


@pytest.mark.slow
def test_two_processes_train_the_experts_of_one(tmp_path: Path):
  """Six experts on four devices: the second round is not full."""
  alone, both = tmp_path / 'a' / 'run', tmp_path / 'b' / 'run'
  one(alone, *TRAJECTORIES)
  process = two(both, *TRAJECTORIES)
  said, _ = process.communicate(timeout=900)
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
  said, _ = process.communicate(timeout=900)
  assert process.returncode == 0, said
  ours, theirs = (np.load(d / 'relabelled.npz') for d in (alone, both))
  assert np.mean(ours['trust'] != theirs['trust']) < 0.002
  np.testing.assert_allclose(losses(alone), losses(both), rtol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize('family', fault_cases.TAUGHT)
def test_two_processes_share_a_teacher_as_one_does(family: str, tmp_path: Path):
  """What is selected is the same; the teacher, up to the order of sums."""
  alone, both = (tmp_path / name / 'run' for name in ('one', 'two'))
  one(alone, f'--config={FAMILY}:{family}', devices=4)
  process = two(both, f'--config={FAMILY}:{family}')
  said, _ = process.communicate(timeout=900)
  assert process.returncode == 0, said
  np.testing.assert_allclose(*map(teacher_of, (alone, both)), atol=1e-5)
  ours, theirs = (np.load(d / 'distilled.npz') for d in (alone, both))
  assert set(ours) == set(theirs)
  exact = {'images'} if family == 'rded' else set()  # others are learned
  for name in ours:
    np.testing.assert_allclose(
      ours[name], theirs[name], atol=0 if name in exact else 1e-4, err_msg=name
    )


@pytest.mark.slow
def test_two_devices_train_one_teacher_in_two_processes(tmp_path: Path):
  """To the last bit: a sum of two has one order."""
  alone, both = (tmp_path / name / 'run' for name in ('one', 'two'))
  one(alone, f'--config={FAMILY}:rded', devices=2)
  process = two(both, f'--config={FAMILY}:rded', devices=1)
  said, _ = process.communicate(timeout=900)
  assert process.returncode == 0, said
  np.testing.assert_array_equal(*map(teacher_of, (alone, both)))
  for name in ('distilled.npz', 'teacher.npz'):
    assert (alone / name).read_bytes() == (both / name).read_bytes()


def teacher_of(directory: Path) -> np.ndarray:
  """The one expert beside a run."""
  (path,) = (directory.parent / 'experts').rglob('expert-*.f32')
  return np.fromfile(path, np.float32)
