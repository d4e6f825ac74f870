"""What the guide shows how to add is added, and runs from the command line."""

from __future__ import annotations

from collections.abc import Callable
import csv
import json
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys
from types import SimpleNamespace

from helpers import ONE_DEVICE, ROOT
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest
from readme import GUIDE, blocks

import rdd_jax
from rdd_jax import data
from rdd_jax.config.build.context import Context
from rdd_jax.core.batch import Batch
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import DataSpec, DataView

CODE = {
  re.match(r'"""(\w+\.py): ', block).group(1): block  # pyright: ignore
  for block in blocks(GUIDE, 'python')
}
COMMANDS = [
  shlex.split(line)
  for block in blocks(GUIDE, 'bash')
  for line in block.splitlines()
]
SHORT = (
  '--config.evaluation.epochs=2',
  '--config.evaluation.seeds=1',
  '--config.baselines=()',
  '--config.whole.steps=0',
  '--config.network.width=4',
)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
  """A directory with the files of the guide; loads one as a module."""
  for name, code in CODE.items():
    (tmp_path / name).write_text(code)
  scans(tmp_path / 'scans')
  monkeypatch.chdir(tmp_path)

  def load(name: str) -> SimpleNamespace:
    names = {'__file__': str(tmp_path / name), '__name__': 'own'}
    exec(CODE[name], names)
    return SimpleNamespace(**names)

  return load


def scans(directory: Path) -> None:
  """Squares and discs of 20 x 30 pixels, the rare ones on white."""
  directory.mkdir()
  rng = np.random.default_rng(0)
  with (directory / 'metadata.csv').open('w', newline='') as file:
    table = csv.writer(file)
    table.writerow(('file', 'split', 'label', 'group'))
    for i in range(120):
      label, group = (
        ('disc', 'square')[i % 2],
        'white' if i % 20 < 2 else 'black',
      )
      y, x = np.mgrid[-10:10, -15:15]
      inside = (
        y**2 + x**2 < 60 if label == 'disc' else np.maximum(abs(y), abs(x)) < 8
      )
      pixels = np.where(inside, 128, 255 if group == 'white' else 0)
      pixels = np.clip(pixels + rng.normal(0, 10, inside.shape), 0, 255)
      Image.fromarray(pixels.astype(np.uint8)).save(directory / f'{i}.png')
      split = 'train' if i < 80 else 'test'
      table.writerow((f'{i}.png', split, label, group))


def test_three_files_of_less_than_sixty_lines():
  assert list(CODE) == ['sliced.py', 'neighbors.py', 'scans.py']
  for name, code in CODE.items():
    assert len(code.splitlines()) < 60, name


@pytest.mark.parametrize(
  'command',
  [  # The quickest one, and the others where there is time.
    pytest.param(
      c, id=c[-1], marks=[pytest.mark.slow] * ('scans.py' not in c[-1])
    )
    for c in COMMANDS
  ],
)
def test_a_run(own: Callable, command: list[str], tmp_path: Path):
  """Every command of the guide, made short; the same one resumes."""
  assert command[:3] == ['python', '-m', 'rdd_jax.main']
  (config,) = command[3:]
  config += ',smoke' if ':' in config else ':smoke'

  def run(*flags: str) -> str:
    done = subprocess.run(
      [sys.executable, '-m', 'rdd_jax.main', config, *SHORT, *flags],
      cwd=tmp_path,
      env={
        **os.environ,
        'XLA_FLAGS': ONE_DEVICE,
        'PYTHONPATH': str(ROOT),
      },
      capture_output=True,
      text=True,
      timeout=300,
      check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

  said = run('--workdir=run')
  name = re.search(r'=(\w+)\.py', config).group(1)  # pyright: ignore
  stored = (tmp_path / 'run' / 'config.json').read_text()
  assert f'{name}:' in stored
  assert 'distilled' in said
  found = json.loads((tmp_path / 'run' / 'results.json').read_text())
  assert np.isfinite(found['rows']['distilled']['accuracy']['mean'])
  assert np.isfinite(rdd_jax.load(tmp_path / 'run').images).all()
  if name == 'scans':
    assert 'rare_group' in found['rows']['distilled']


def test_sliced_distances(own: Callable):
  """Zero between a set and itself weighted; between shifted ones, the shift."""
  sliced = own('sliced.py')
  values = jnp.array([3.0, 1.0, 7.0, 2.0])
  levels = (jnp.arange(4) + 0.5) / 4
  equal = sliced.quantiles(values, jnp.ones(4), levels)
  np.testing.assert_array_equal(equal, [1, 2, 3, 7])
  some = sliced.quantiles(values, jnp.array([2.0, 1.0, 0.0, 1.0]), levels)
  np.testing.assert_array_equal(some, [1, 2, 3, 3])


def test_rows_that_their_neighbours_contradict(own: Callable):
  """Where a quarter is flipped, five of ten neighbours rarely agree on it."""
  neighbours = own('neighbors.py')
  digits = data.load('digits')
  labels, flipped = digits.train_labels.copy(), np.arange(0, 1297, 4)
  labels[flipped] = (labels[flipped] + 3) % 10
  spec = DataSpec(1297, 10, 10, 10, 0)
  made = neighbours.agreeing(Context(spec, None, None, ()))
  view = DataView(jnp.asarray(digits.train_images), jnp.asarray(labels), None)
  measure, _ = made.prepare(
    empirical(labels, 10), made.init(spec), key=jax.random.key(0), data=view
  )
  kept = np.asarray(measure.weights) > 0
  assert kept[flipped].mean() < 0.12
  assert np.delete(kept, flipped).mean() > 0.9


def test_smoothing_leaves_outliers(own: Callable):
  neighbours = own('neighbors.py')
  made = neighbours.smoothed(
    Context(DataSpec(2, 2, 3, 3, 0), None, None, ()), amount=0.2
  )
  targets = jnp.eye(3)[jnp.array([0, 2])]
  rows = jnp.arange(2)
  batch = Batch(targets, targets, jnp.ones(2), 2 * rows, rows, rows)
  found, _ = made.update(batch, (), key=None, score=None, synthetic=None)
  np.testing.assert_allclose(found.targets, [[0.9, 0.1, 0], [0, 0, 1]])


def test_scans_have_groups(own: Callable):
  found = own('scans.py').load()
  assert found.class_names == ('disc', 'square')
  assert found.image_shape == (28, 28, 1)
  assert len(found.train_images) == 80
  white = found.train_groups == 1
  assert white.mean() == 0.1
  np.testing.assert_array_equal(found.train_rare, white)
  dark = found.train_images[~white, 0, 0].mean()
  assert found.train_images[white, 0, 0].mean() > dark + 200
