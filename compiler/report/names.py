"""Lists of nodes in text, cut short, and the names that a question was asked by."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_NODES = 4


def names_of(nodes: Sequence[str]) -> str:
    """NODES as text, the first few by name."""
    more = f", and {len(nodes) - SHOWN_NODES} more" if len(nodes) > SHOWN_NODES else ""
    return ", ".join(nodes[:SHOWN_NODES]) + more


def stand_ins(asked: Sequence[str], nodes: Sequence[str]) -> list[str]:
    """A line for every asked name that is a tensor's: the node that produces the tensor."""
    pairs = zip(asked, nodes, strict=True)
    return [f"{name} is a result of {node}" for name, node in pairs if name != node]
