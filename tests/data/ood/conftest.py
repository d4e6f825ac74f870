"""Fixtures of these tests."""

from __future__ import annotations

from data.ood.sets_cases import npz
import pytest


@pytest.fixture
def source(tmp_path):
  npz(tmp_path / 'set.npz', split='train', n=20)
  return npz(tmp_path / 'set.npz')
