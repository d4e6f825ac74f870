"""Fixtures of these tests."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest


@pytest.fixture
def x64():
  with jax.enable_x64(True):
    yield
  assert jnp.ones([]).dtype == jnp.float32
