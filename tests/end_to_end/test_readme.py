"""The README is short, and what it and the guide show does what they say."""

from __future__ import annotations

from pathlib import Path
import re

from helpers import ROOT
import numpy as np
import pytest
from readme import EXAMPLE, LOADER, QUICK, README, SHORT_LOADER

from rdd_jax.artifact import store
from rdd_jax.images import preprocessing


def test_commands():
  commands = re.findall(r'^pip install.*', README, re.MULTILINE)
  assert commands == [
    'pip install -e . && python -m rdd_jax.main --config=configs/quickstart.py',
    "pip install -e '.[test]' && pytest",
  ]


def test_one_screen():
  assert len(README.splitlines()) <= 150
  prose = re.sub(r'(?sm)^```.*?^```', '', README)
  for paragraph in prose.split('\n\n'):
    lines = [x for x in paragraph.splitlines() if x[:1] not in ('|', '-', '<')]
    assert len(lines) <= 4, paragraph
  methods = re.search(r'(?s)\| method \|.*?\n\n', README)
  assert methods is not None
  assert len(methods.group().strip().splitlines()) == 2 + 14


def test_links_lead_somewhere():
  for target in re.findall(r'\]\((?!https?:)([^)#]+)', README):
    assert (ROOT / target).exists(), target


def test_configs_exist():
  for name in re.findall(r'`(\w+\.py):', README):
    assert (ROOT / 'configs' / name).is_file(), name


def test_thirty_lines():
  assert len(QUICK.splitlines()) <= 30
  compile(QUICK, 'README.md', 'exec')


@pytest.mark.slow
def test_the_example_prints_what_is_said(capsys: pytest.CaptureFixture[str]):
  """Of five networks one is trained here; seeds differ by some points."""
  said = re.search(r'It prints (0\.\d+)', README)
  assert said is not None
  exec(QUICK.replace('judge(ten)', 'judge(ten, seeds=1)'), {})
  found = float(capsys.readouterr().out.split()[-1])
  assert found == pytest.approx(float(said[1]), abs=0.08)


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


def test_short_pytorch_loader(tmp_path: Path):
  """Of a plain set, it reads what the longer one does."""
  pytest.importorskip('torch')
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (50, 8, 8, 3), np.uint8)
  set_ = store.Distilled(
    images=rng.normal(0.5, 0.5, (3, 8, 8, 3)).astype(np.float32),
    targets=np.eye(3, dtype=np.float32),
    weights=np.array([1, 2, 0], np.float32),
    cells=np.arange(3, dtype=np.int32),
    preprocessing=preprocessing.fit(images),
    card={'schema': 1, 'factor': 1, 'class_names': ['a', 'b', 'c']},
  )
  store.save(tmp_path, set_)
  found: list[dict] = []
  for code in (LOADER, SHORT_LOADER):
    found.append({})
    exec(code.replace('runs/NAME', str(tmp_path)), found[-1])
  for name in ('x', 'y', 'weight'):
    a, b = (names[name].numpy() for names in found)
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
