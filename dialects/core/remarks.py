"""What was decided while a module was made, for the ledger of the build that begins with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """One decision that was taken: by which rule, about which ONNX nodes, and why in a sentence."""

    rule: str
    nodes: tuple[str, ...]
    reason: str
