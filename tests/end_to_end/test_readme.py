"""The examples of the README do what it says."""

from __future__ import annotations

from pathlib import Path
import re

import numpy as np
import pytest
from readme import EXAMPLE, LOADER, README

from rdd_jax.artifact import store
from rdd_jax.images import preprocessing


def test_commands():
  commands = re.findall(r'^pip install.*', README, re.MULTILINE)
  assert commands == [
    'pip install -e . && python -m rdd_jax.main --config=configs/quickstart.py',
    "pip install -e '.[test]' && pytest",
  ]


def test_composing_a_distiller():
  names: dict = {}
  exec(EXAMPLE.replace('range(200)', 'range(20)'), names)
  assert len(EXAMPLE.splitlines()) < 60
  assert int(names['state'].step) == 20
  assert np.isfinite(names['metrics']['loss'])


@pytest.mark.parametrize('factor', [1, 2, 3])
@pytest.mark.parametrize('zca', [None, 0.1])
def test_pytorch_loader(factor: int, zca: float | None, tmp_path: Path):
  pytest.importorskip('torch')
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (50, 8, 8, 3), np.uint8)
  set_ = store.Distilled(
    images=rng.normal(0.5, 0.5, (4, 8, 8, 3)).astype(np.float32),
    targets=np.eye(4, dtype=np.float32),
    weights=np.array([1, 2, 0, 1], np.float32),
    cells=np.arange(4, dtype=np.int32),
    preprocessing=preprocessing.fit(images, zca=zca),
    card={'schema': 1, 'factor': factor, 'class_names': ['a', 'b', 'c']},
  )
  store.save(tmp_path, set_)
  names: dict = {}
  exec(LOADER.replace('runs/NAME', str(tmp_path)), names)
  batch = store.to_batch(store.load(tmp_path))
  theirs = names['x'].permute(0, 2, 3, 1).numpy()
  np.testing.assert_allclose(batch.inputs, theirs, rtol=1e-4, atol=1e-4)
  np.testing.assert_array_equal(batch.targets, names['y'].numpy())
  np.testing.assert_array_equal(batch.weights, names['weight'].numpy())
  np.testing.assert_array_equal(batch.cells < 3, names['known'].numpy())
