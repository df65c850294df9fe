"""Models that are wrong in some way."""

from __future__ import annotations

from .graphs import model, node

PLAIN = model([node("Relu", "x")], {"x": ("N", 3)})
