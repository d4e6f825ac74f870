"""Every stage of a run can be stopped, and the run is none the worse for it."""

from __future__ import annotations

from pathlib import Path
import signal
import sys
import time

from end_to_end.stopping_cases import (
  STAGES,
  TAD,
  Stage,
  command,
  finish,
  outputs,
  start,
  stop,
)
import pytest

SOON = 20.0  # seconds: five where nothing else runs


@pytest.mark.slow  # `.ci/run` runs it
def test_three_stages_of_one_run(tmp_path: Path):
  flags = ('--config.steps=200', '--config.evaluation.epochs=100')
  whole, cut = (
    command(Stage(f'{TAD},smoke', flags, ''), tmp_path / d / 'run')
    for d in 'ab'
  )
  finish(whole)
  for shows, number in (
    ('preparing: and mirrored', signal.SIGTERM),
    ('distilling 1/1', signal.SIGINT),
    ('judging', signal.SIGUSR1),
  ):
    found = stop(cut, shows, number)
    assert found.status == 128 + number, found.said
    assert found.seconds < SOON
    assert f'{number.name}: stopping' in found.said
    last = found.said.splitlines()[-1]
    assert 'to resume: python -m rdd_jax.main --config=' in last
  finish(cut)
  assert outputs(tmp_path / 'b' / 'run') == outputs(tmp_path / 'a' / 'run')


@pytest.mark.slow
@pytest.mark.parametrize('name', STAGES)
@pytest.mark.parametrize('wait', [0.0, 2.0])
def test_a_stage_is_stopped_soon(name: str, wait: float, tmp_path: Path):
  """Twice in it, or what comes after it, and then it runs to the end."""
  stage = STAGES[name]
  whole, cut = (command(stage, tmp_path / d / 'run') for d in 'ab')
  finish(whole)
  for _ in range(2):
    found = stop(cut, stage.shows, wait=wait)
    assert found.status == 143, found.said
    if 'after compiling' not in found.said:
      assert found.seconds < SOON
  finish(cut)
  assert outputs(tmp_path / 'b' / 'run') == outputs(tmp_path / 'a' / 'run')


@pytest.mark.slow
def test_two_commands_on_one_work_directory(tmp_path: Path):
  """The second is refused in one line, and the first does not notice."""
  stage = STAGES['distilling']
  words = command(stage, tmp_path / 'run')
  seen: list[str] = []

  def other() -> None:
    with pytest.raises(AssertionError) as refused:
      finish(words)
    seen.append(str(refused.value))

  found = stop(words, 'distilling 1/1', meanwhile=other)
  assert 'is in use by process' in seen[0]
  assert 'Traceback' not in seen[0]
  assert found.status == 143
  lines = (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
  assert len(set(lines)) == len(lines)


@pytest.mark.slow
def test_a_conversion_is_whole_or_not_there(tmp_path: Path):
  run, kept = tmp_path / 'run', tmp_path / 'kept'
  finish(command(STAGES['compiling'], run))
  words = [sys.executable, '-m', 'rdd_jax.convert', str(run), '--to=folder']
  finish([*words, f'--out={kept}'])
  wanted = sorted(path.relative_to(kept) for path in kept.rglob('*'))
  statuses = set()
  for i in range(8):
    out = tmp_path / f'{i}'
    with start([*words, f'--out={out}']) as process:
      time.sleep(0.3 + 0.4 * i)
      process.send_signal(signal.SIGTERM)
      said, _ = process.communicate()
    statuses.add(process.returncode)
    assert 'Traceback' not in said
    there = sorted(path.relative_to(out) for path in out.rglob('*'))
    assert there in ([], wanted)
    # A signal may come when all is done, and Python clears up.
    assert process.returncode == 143 or there, said
  assert 143 in statuses
