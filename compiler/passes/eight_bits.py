"""What was decided about products in eight bits, for later passes to read; the ledger says it to people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class EightBitProducts:
    """Contractions by their ONNX nodes.

    chosen: those that the policy has multiply in eight bits; refused: why it does not have others do so;
    left: why contractions of quantized tensors multiply floats nevertheless.
    """

    chosen: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def choose(self, nodes: Iterable[str]) -> None:
        """The contraction of NODES multiplies in eight bits."""
        self.chosen.update(nodes)

    def refuse(self, nodes: Iterable[str], reason: str) -> None:
        """The contraction of NODES is not given operands of eight bits, for REASON."""
        self.refused.update(dict.fromkeys(nodes, reason))

    def leave(self, nodes: Iterable[str], reason: str) -> None:
        """The contraction of NODES does not multiply its operands as they are stored, for REASON."""
        self.left.update(dict.fromkeys(nodes, reason))

    def why_floats(self, nodes: Iterable[str]) -> str:
        """Why the contraction of NODES multiplies floats; empty where nothing was decided against bytes."""
        reasons = (self.left.get(node) or self.refused.get(node, "") for node in nodes)
        return next(filter(None, reasons), "")
