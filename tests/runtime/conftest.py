"""Fixtures of streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
import pytest
from runtime.stream_cases import N

from rdd_jax.runtime.sources import Files
from rdd_jax.runtime.workers import Workers


@pytest.fixture(scope='module')
def pool() -> Iterator[Workers]:
  found = Workers(2)
  yield found
  found.stop()


@pytest.fixture(scope='module')
def known() -> np.ndarray:
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (N, 6, 5, 3), dtype=np.uint8)


@pytest.fixture
def files(tmp_path: Path, known: np.ndarray) -> Files:
  paths = [str(tmp_path / f'{row}.png') for row in range(N)]
  for path, image in zip(paths, known, strict=True):
    Image.fromarray(image).save(path)
  return Files(paths)
