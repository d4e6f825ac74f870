"""Marks what stands in this folder: `pytest -m end_to_end` runs it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  for item in items:
    if HERE in item.path.parents:
      item.add_marker(pytest.mark.end_to_end)
