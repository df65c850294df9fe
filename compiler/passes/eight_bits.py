"""Decisions about 8-bit contractions, which later passes read. (The ledger has them for people.)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class EightBitProducts:
    """Decisions about contractions, by ONNX node.

    chosen: contractions that the policy quantizes to eight bits; refused: reasons why others are not; left:
    reasons why contractions of quantized tensors still multiply floats.
    """

    chosen: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def choose(self, nodes: Iterable[str]) -> None:
        """Note that the contraction of NODES multiplies in eight bits."""
        self.chosen.update(nodes)

    def refuse(self, nodes: Iterable[str], reason: str) -> None:
        """Note that the operands of the contraction of NODES are not quantized, for REASON."""
        self.refused.update(dict.fromkeys(nodes, reason))

    def leave(self, nodes: Iterable[str], reason: str) -> None:
        """Note that the contraction of NODES dequantizes its operands and multiplies floats, for REASON."""
        self.left.update(dict.fromkeys(nodes, reason))

    def why_floats(self, nodes: Iterable[str]) -> str:
        """Why the contraction of NODES multiplies floats; empty without a decision against eight bits."""
        reasons = (self.left.get(node) or self.refused.get(node, "") for node in nodes)
        return next(filter(None, reasons), "")
