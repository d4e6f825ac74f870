"""The README's picture shows the set and the numbers of the run it is of."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path

from helpers import ROOT
import numpy as np
from PIL import Image, ImageChops
import pytest

import rdd_jax
from rdd_jax import data
from rdd_jax.core.errors import UserError

FILE = ROOT / 'launch' / 'readme_picture.py'


@functools.cache  # flags are defined once
def drawing():
  spec = importlib.util.spec_from_file_location('readme_picture', FILE)
  assert spec is not None
  assert spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def run(directory: Path, images: np.ndarray, accuracy: float) -> Path:
  """What a quickstart leaves, as far as the picture reads it."""
  digits = data.load('digits')
  set_ = rdd_jax.adopt(images, np.arange(10), digits, network='mlp')
  rdd_jax.save(directory, set_)
  rows = {
    name: {'row': {'accuracy': {'mean': mean}}}
    for name, mean in (('plain', 0.5), ('all of it', accuracy))
  }
  (directory / 'variants.json').write_text(json.dumps(rows))
  return directory


def test_it_is_of_its_run(tmp_path: Path):
  """Another set changes the right half, and so does another number."""
  picture = drawing().picture
  rng = np.random.default_rng(0)
  one, other = rng.random((2, 10, 8, 8, 1), np.float32)
  first = picture(run(tmp_path / 'a', one, 0.8))
  assert not ImageChops.difference(
    first, picture(run(tmp_path / 'b', one, 0.8))
  ).getbbox()
  for changed in (
    run(tmp_path / 'c', other, 0.8),
    run(tmp_path / 'd', one, 0.9),
  ):
    box = ImageChops.difference(first, picture(changed)).getbbox()
    assert box is not None
    assert box[0] > first.width // 2
  with Image.open(ROOT / 'docs' / 'pictures' / 'quickstart.png') as kept:
    assert kept.size == first.size


def test_no_run_is_refused(tmp_path: Path):
  with pytest.raises(UserError, match=r'variants\.json'):
    drawing().picture(tmp_path)
