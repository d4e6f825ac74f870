"""Marks of parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def slow_but(quick: Collection[Any], values: Iterable[Any]) -> list[Any]:
  """Parameters of which all but `quick` are slow."""
  return [
    value if value in quick else pytest.param(value, marks=pytest.mark.slow)
    for value in values
  ]
