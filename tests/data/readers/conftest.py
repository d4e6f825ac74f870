"""Fixtures of these tests."""

from __future__ import annotations

from data.readers.tfds_cases import _png
import numpy as np
import pytest


@pytest.fixture
def images():
  return np.random.default_rng(0).integers(0, 256, (4, 8, 6, 1), np.uint8)


@pytest.fixture
def rows(images):
  return [(_png(image), i % 2) for i, image in enumerate(images)]
