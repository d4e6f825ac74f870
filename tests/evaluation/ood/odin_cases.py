"""Cases that the tests of odin share."""

from __future__ import annotations

CLASSES, D, SHAPE = 3, 6, (4, 4, 1)
