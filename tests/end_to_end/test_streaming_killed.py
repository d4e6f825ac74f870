"""A streamed run that is killed in any stage ends as one that never was."""

from __future__ import annotations

from pathlib import Path
import shutil
import signal
import subprocess
import time
from typing import NamedTuple

from end_to_end.stopping_cases import (
  Stage,
  command,
  finish,
  outputs,
  start,
  until,
)
import psutil
import pytest

TRIES = 3  # to hit a stage
SOON = 5.0  # seconds: two where nothing else runs


class Moment(NamedTuple):
  """When a run is killed.

  Attributes:
    stage: that it is in.
    shows: a pattern of a line that is said then or before.
    next: what would be said after the stage.
    reads: whether to wait until rows are read after that line,
    lines: and until there are so many of metrics.
  """

  stage: str
  shows: str
  next: str
  reads: bool = False
  lines: int = 0


MOMENTS = (
  Moment('first look', 'reading file', 'made wrong on purpose'),
  Moment('finder', 'images as they are 0/', 'and mirrored', reads=True),
  Moment(
    'teacher',
    r'training the teacher epoch ([2-9]|\d\d)',
    'the teacher knows',
    reads=True,
  ),
  Moment('selection', 'the teacher knows', 'compiling the step', reads=True),
  Moment('distilling', 'distilling 1/1', 'label noise:', reads=True, lines=25),
  Moment('distilling', 'distilling 1/1', 'label noise:', reads=True, lines=65),
  Moment('labels', 'label noise:', 'judging'),
  Moment('judging', 'judging network 2 of', 'report.html'),
)
# RDED's crops, distilled by DM from there, and labels of its teacher.
RUN = Stage(
  'configs/tad_digits.py:smoke,noise=symmetric-0.4,width=8,method=dm',
  (
    '--config.data.stream=True',
    '--config.data.workers=2',
    '--config.steps=120',
    '--config.steps_per_call=1',
    '--config.log_every=1',
    '--config.checkpoint_every=20',
    '--config.synthetic.init=selected',
    '--config.synthetic.labels=teacher',
    '--config.selection.draws=0',
    '--config.selection.crops=40',
    '--config.experts.number=1',
    '--config.experts.epochs=40',
    '--config.experts.epoch_steps=20',
    '--config.experts.momentum=0.9',
    '--config.evaluation.epochs=50',
  ),
  '',
)


@pytest.mark.slow
def test_killed_and_resumed(folder: Path, tmp_path: Path):
  whole, cut = (tmp_path / d / 'run' for d in 'ab')
  data = f'--config.data.name=folder:{folder}'
  finish(command(RUN, whole, data))
  cut.parent.mkdir()
  for number, moment in enumerate(MOMENTS):
    before = tmp_path / f'before {number}'
    shutil.copytree(cut.parent, before)
    for _ in range(TRIES):
      said = killed(command(RUN, cut, data), moment, cut / 'metrics.jsonl')
      if moment.next not in said:
        break
      shutil.rmtree(cut.parent)  # it came too late
      shutil.copytree(before, cut.parent)
    else:
      raise AssertionError(f'{moment.stage} is too short: {said}')
  finish(command(RUN, cut, data))
  assert outputs(cut) == outputs(whole)
  for name in ('teacher.npz', 'evaluations/distilled-matched-0.json'):
    assert (cut / name).read_bytes() == (whole / name).read_bytes()


def killed(words: list[str], moment: Moment, metrics: Path) -> str:
  """Kills a run by SIGKILL, and waits until its readers have ended."""
  with start(words) as process:
    said = until(process, moment.shows)
    readers = psutil.Process(process.pid).children(recursive=True)
    assert len(readers) >= 2, said
    if moment.reads:
      await_reading(process, readers)
    while moment.lines and count(metrics) < moment.lines:
      assert process.poll() is None
      time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    _, left = psutil.wait_procs(readers, SOON)
    for reader in left:
      reader.kill()
    assert not left, f'readers go on after {SOON} s: {left}'
    rest, _ = process.communicate()
  assert process.returncode == -signal.SIGKILL, said + rest
  return said + rest


def await_reading(
  process: subprocess.Popen[str], readers: list[psutil.Process]
) -> None:
  """Waits until processes have worked for a moment."""

  def worked() -> float:
    return sum(sum(reader.cpu_times()[:2]) for reader in readers)

  before = worked()
  while worked() < before + 0.01:
    assert process.poll() is None
    time.sleep(0.001)


def count(metrics: Path) -> int:
  return len(metrics.read_text().splitlines()) if metrics.exists() else 0
