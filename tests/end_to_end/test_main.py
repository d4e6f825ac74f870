"""The command line, as a user meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from helpers import ONE_DEVICE, ROOT
import pytest

from rdd_jax.runtime import stopping

TINY = (
  '--config=configs/dm_digits.py:smoke,width=4',
  '--config.evaluation.epochs=2',
  '--config.baselines=("random",)',
  '--config.whole.steps=0',
)


def command(*flags: str, module: str = 'main') -> list[str]:
  return [sys.executable, '-m', f'rdd_jax.{module}', *flags]


def run(*flags: str, module: str = 'main') -> subprocess.CompletedProcess[str]:
  return subprocess.run(
    command(*flags, module=module),
    cwd=ROOT,
    env={**os.environ, 'XLA_FLAGS': ONE_DEVICE},
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
  )


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--config=configs/dm_digits.py:ipx=3'], ["did you mean 'ipc'"]),
    (
      ['--config=configs/dm_digits.py', '--config.stepz=3'],
      ["no field 'stepz' (did you mean 'steps'?)"],
    ),
    (
      ['--config=configs/dm_digits.py', '--config.objective.real_rows=3'],
      ['--config.objective.real_rows=3: this field is now config.real_rows'],
    ),
    pytest.param(
      ['--config=configs/dm_digits.py', '--config.objective.inner.x=3'],
      ['--config.objective.inner.x=3', "no field 'inner'", 'defaults.py'],
      marks=pytest.mark.slow,
    ),
    pytest.param(
      ['--config=configs/dm_digits.py', '--config.steps=x'],
      ['steps'],
      marks=pytest.mark.slow,
    ),
    pytest.param(
      [], ['--config=configs/quickstart.py'], marks=pytest.mark.slow
    ),
    (['--config=configs/nope.py'], ['configs/nope.py']),
    (['--config=configs/dm_digit.py:ipc=1'], ['configs/dm_digits.py?']),
    (
      ['--config=configs/dm_digits.py', '--config.ipc=2'],
      ['give --config.synthetic.ipc=2'],
    ),
    (
      ['--config=configs/dm_digits.py', '--config.data=folder:/x'],
      ['give --config.data.name=folder:/x'],
    ),
    pytest.param(
      ['--config=configs/dm_digits.py:ipc=0'],
      ['ipc=0'],
      marks=pytest.mark.slow,
    ),
    pytest.param(
      ['--config=configs/dm_digits.py', '--config.baselines="random,herding"'],
      ['--config.baselines='],
      marks=pytest.mark.slow,
    ),
    (
      ['--config=configs/dm_mnist.py', '--config.data.data_dir=/nowhere'],
      ['/nowhere'],
    ),
    pytest.param(
      ['--config=configs/dm_digits.py', '--config.data.name=digit'],
      ['digits'],
      marks=pytest.mark.slow,
    ),
    pytest.param(
      ['--config=configs/dm_digits.py:smoke', '--config.devices=64'],
      ['devices=64'],
      marks=pytest.mark.slow,
    ),
  ],
  ids=[
    'argument',
    'key',
    'renamed',
    'nested',
    'type',
    'none',
    'file',
    'near',
    'inner',
    'group',
    'ipc',
    'baselines',
    'data_dir',
    'data',
    'devices',
  ],
)
def test_bad_input_is_one_line(
  flags: list[str], words: list[str], tmp_path: Path
):
  found = run(*flags, f'--workdir={tmp_path / "run"}')
  assert found.returncode != 0
  assert 'Traceback' not in found.stderr
  line = found.stderr.strip().splitlines()[-1]
  for word in words:
    assert word in line


def test_distils_and_evaluates(tmp_path: Path):
  found = run(*TINY, f'--workdir={tmp_path}')
  assert found.returncode == 0, found.stderr
  assert 'distilled' in found.stdout
  assert 'memory' in found.stdout
  out = tmp_path / 'table.json'
  found = run(
    str(tmp_path),
    '--networks=mlp',
    '--seeds=2',
    '--epochs=2',
    f'--out={out}',
    module='evaluate',
  )
  assert found.returncode == 0, found.stderr
  rows = json.loads(out.read_text())['rows']
  assert rows.keys() == {'mlp'}
  assert rows['mlp']['accuracy']['n'] == 2
  (tmp_path / 'distilled.npz').write_bytes(b'torn')
  found = run(str(tmp_path), module='evaluate')
  assert found.returncode == 2
  assert 'damaged' in found.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
  'number', [signal.SIGTERM, signal.SIGINT, signal.SIGKILL]
)
def test_killed_at_any_moment(tmp_path: Path, number: signal.Signals):
  flags = (
    *TINY,
    '--config.steps=3000',
    '--config.checkpoint_every=10',
    '--config.log_every=1',
    '--config.steps_per_call=1',
  )
  assert run(*flags, f'--workdir={tmp_path / "whole"}').returncode == 0
  flags = (*flags, f'--workdir={tmp_path / "cut"}')
  lines = tmp_path / 'cut' / 'metrics.jsonl'
  for more in (50, 400):
    process = subprocess.Popen(
      command(*flags),
      cwd=ROOT,
      env={**os.environ, 'XLA_FLAGS': ONE_DEVICE},
      stdout=subprocess.PIPE,
      text=True,
    )
    goal = len(lines.read_text().splitlines()) if lines.exists() else 0
    while not lines.exists() or (
      len(lines.read_text().splitlines()) < goal + more
    ):
      assert process.poll() is None, 'ended before it could be killed'
      time.sleep(0.01)
    process.send_signal(number)
    said, _ = process.communicate()
    if number != signal.SIGKILL:
      assert process.returncode == 128 + number
      assert 'stopped and saved; to resume: python -m rdd_jax.main' in said
  assert run(*flags).returncode == 0
  for name in ('distilled.npz', 'metrics.jsonl', 'results.json'):
    whole, cut = (tmp_path / d / name for d in ('whole', 'cut'))
    assert whole.read_bytes() == cut.read_bytes()


@pytest.mark.slow
def test_a_second_interrupt_stops_at_once(tmp_path: Path):
  process = subprocess.Popen(
    command(*TINY, '--config.steps=1000000', f'--workdir={tmp_path}'),
    cwd=ROOT,
    env={**os.environ, 'XLA_FLAGS': ONE_DEVICE},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert process.stderr is not None
  with process.stderr as said:
    while not (tmp_path / 'config.json').exists():
      assert process.poll() is None, 'ended before it could be interrupted'
      time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    while 'again stops at once' not in said.readline():
      assert process.poll() is None
    time.sleep(2 * stopping.ECHO)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 130


@pytest.mark.slow
def test_killed_among_experts(tmp_path: Path):
  """Finished experts stay as they are, and the result is as if uncut."""
  flags = (
    '--config=configs/mtt_fashion_mnist.py:smoke,width=4',
    '--config.experts.number=40',
    '--config.experts.latest=20',
    '--config.baselines=()',
    '--config.whole.steps=0',
  )
  whole, cut = tmp_path / 'a' / 'whole', tmp_path / 'b' / 'cut'
  assert run(*flags, f'--workdir={whole}').returncode == 0
  process = subprocess.Popen(
    command(*flags, f'--workdir={cut}'),
    cwd=ROOT,
    env={**os.environ, 'XLA_FLAGS': ONE_DEVICE},
    stdout=subprocess.PIPE,
    text=True,
  )

  def finished() -> list[Path]:
    return sorted((tmp_path / 'b' / 'experts').rglob('expert-*.json'))

  while len(finished()) < 3:
    assert process.poll() is None, 'ended before it could be killed'
    time.sleep(0.01)
  process.send_signal(signal.SIGKILL)
  process.communicate()
  times = {path: path.stat().st_mtime_ns for path in finished()}
  assert len(times) < 40
  assert run(*flags, f'--workdir={cut}').returncode == 0
  assert all(path.stat().st_mtime_ns == t for path, t in times.items())
  ours, theirs = (
    sorted((tmp_path / d / 'experts').rglob('expert-*.f32')) for d in 'ab'
  )
  assert len(ours) == len(theirs) == 40
  for a, b in zip(ours, theirs, strict=True):
    assert a.read_bytes() == b.read_bytes()
  for name in ('distilled.npz', 'metrics.jsonl', 'results.json'):
    assert (whole / name).read_bytes() == (cut / name).read_bytes()
