"""Decisions taken while a module was built, for the ledger of the build that starts with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """One decision: the rule, the ONNX nodes that it is about, and the reason in a sentence."""

    rule: str
    nodes: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class FoldedNode:
    """An ONNX node that left no op, because its results were computed at import; `gives` are their names."""

    node: str
    gives: tuple[str, ...]
