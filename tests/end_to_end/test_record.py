"""What a run, an evaluation and a comparison record is what they measured."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys

from absl.testing import flagsaver
from end_to_end.run_cases import tiny
from helpers import ONE_DEVICE, ROOT
import numpy as np
import pytest

import rdd_jax
from rdd_jax import evaluate
from rdd_jax.compare.__main__ import gather
from rdd_jax.compare.recorded import recorded
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import pipeline, workdir
from rdd_jax.experiment.recording import EARLIER, of_run
from rdd_jax.records import Record, flag, read


@pytest.fixture(scope='module')
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
  directory = tmp_path_factory.mktemp('runs') / 'run'
  workdir.claim(directory, tiny())
  pipeline.execute(tiny(), directory)
  return directory


def require_equal(record: Record, rows: dict) -> None:
  """Each line of a record has the summaries of a row, in per cent."""
  assert len(record.rows) == len(rows)
  for line, (name, row) in zip(record.rows, rows.items(), strict=True):
    assert line.name == name.replace('_', '-')
    for metric in ('accuracy', 'ece'):
      cell = line.cells[metric]
      assert isinstance(cell, dict)
      for key in ('mean', 'std'):
        np.testing.assert_allclose(cell[key], 100 * row[metric][key], atol=1e-4)
      assert cell['n'] == row[metric]['n']


def test_a_run(run: Path):
  rows = json.loads((run / 'results.json').read_text())['rows']
  record = of_run(tiny(), run, 'COMMAND')
  require_equal(record, rows)
  assert [row.name for row in record.rows if row.strong] == ['distilled']
  assert record.seeds == '2 distillations x 2 networks, root seed 0'
  (storage,) = record.storage
  assert storage.bytes == rdd_jax.load(run).images.nbytes
  assert record.notes == ''
  assert of_run(tiny(), run, 'COMMAND', earlier=True).notes == EARLIER


def test_side_by_side(run: Path):
  """A run beside nothing is that run, by its name."""
  runs, _ = gather([run])
  record = recorded(runs, 'COMMAND')
  own = of_run(tiny(), run, 'COMMAND')
  cells = {row.name: row.cells for row in own.rows}
  for row in record.rows:
    name = row.name if row.name in cells else 'distilled'
    assert row.cells == cells[name]
  assert len(record.rows) == len(own.rows)
  assert record.notes == EARLIER
  assert record.storage == own.storage


def test_metrics_that_are_asked_for_stand_with_their_differences(run: Path):
  (first,), _ = gather([run])
  other = first._replace(
    config={**first.config, 'steps': 7},
    seeds={
      seed: {m: v + 0.1 + 0.01 * seed[1] for m, v in row.items()}
      for seed, row in first.seeds.items()
    },
  )
  metrics = ['ece', 'class_3']
  record = recorded([first, other], 'COMMAND', metrics=metrics, paired=True)
  assert record.columns == metrics
  *lines, difference, _ = record.rows
  assert all(set(line.cells) <= set(metrics) for line in lines)
  assert difference.name == '2, over 1'
  for metric in metrics:
    found = difference.cells[metric]
    assert isinstance(found, dict)
    np.testing.assert_allclose(
      [found[key] for key in ('difference', 'least', 'greatest')],
      [10.5, 10, 11],
    )
  with pytest.raises(UserError, match='unknown metric'):
    recorded([first, other], 'COMMAND', metrics=['acuracy'])


def test_an_evaluation(run: Path, tmp_path: Path):
  path, out = tmp_path / 'record.json', tmp_path / 'out.json'
  flags = (
    (evaluate._SEEDS, 2),
    (evaluate._EPOCHS, 2),
    (evaluate._NETWORKS, ['mlp:width=4', 'convnet:width=4']),
    (evaluate._OUT, str(out)),
    (flag._RECORD, str(path)),
  )
  with flagsaver.flagsaver(*flags):
    evaluate.main(['evaluate', str(run)])
  found = json.loads(out.read_text())['rows']
  rows = {f'distilled, {net}': row for net, row in found.items()}
  require_equal(read(path), rows)


@pytest.mark.slow
def test_the_flag(tmp_path: Path):
  """Of the command: it is refused first, and what it names is written last."""

  def run(name: str) -> subprocess.CompletedProcess[str]:
    command = (
      *('-m', 'rdd_jax.main', '--config=configs/dm_digits.py:smoke,width=4'),
      *('--config.evaluation.epochs=2', '--config.evaluation.seeds=1'),
      *('--config.baselines=()', '--config.whole.steps=0'),
      *(f'--workdir={tmp_path / "run"}', f'--record={name}'),
    )
    return subprocess.run(
      [sys.executable, *command],
      cwd=ROOT,
      env={**os.environ, 'XLA_FLAGS': ONE_DEVICE, 'PYTHONPATH': str(ROOT)},
      capture_output=True,
      text=True,
      check=False,
    )

  refused = run('no/name')
  assert refused.returncode == 2
  assert not (tmp_path / 'run').exists()
  path = tmp_path / 'record.json'
  done = run(str(path))
  assert done.returncode == 0, done.stderr
  assert done.stdout.splitlines()[-1] == f'recorded in {path}'
  record = read(path)
  rows = json.loads((tmp_path / 'run' / 'results.json').read_text())['rows']
  require_equal(record, rows)
  (command,) = record.commands
  assert command.startswith('python -m rdd_jax.main --config=configs/dm_')
  assert str(tmp_path) not in path.read_text()
