"""What a corruption is."""

from __future__ import annotations

from collections.abc import Callable

from jax import Array

Corruption = Callable[[Array, Array], Array]
