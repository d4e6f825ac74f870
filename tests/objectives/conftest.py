"""Fixtures of these tests."""

from __future__ import annotations

from objectives.matching_cases import (
  FAMILY,
  Case,
  convnet,
)
import pytest


@pytest.fixture(scope='module', params=FAMILY)
def case(request) -> Case:
  return Case(FAMILY[request.param](convnet()))
