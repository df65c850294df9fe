"""The registry of node makers: the steps that random graphs grow by."""

from __future__ import annotations

from collections.abc import Callable

from ..draft import Draft

# Adds nodes to a draft; raises Unfit where it cannot.
Maker = Callable[[Draft], object]

MAKERS: dict[str, Maker] = {}


def node_maker(make: Maker) -> Maker:
    """Register MAKE under its name; random graphs use it from then on."""
    MAKERS[getattr(make, "__name__", repr(make))] = make
    return make
