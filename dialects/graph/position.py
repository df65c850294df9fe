"""What an op says of positions among its operands; `positions.py` looks at them."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.affine import Dim


@dataclass(frozen=True)
class Position:
    """An operand, by its number, that holds positions among SIZE ones; with `from_end`, negative ones count
    from the end. With `column`, only that column of its last axis does."""

    operand: int
    size: Dim
    column: int | None = None
    from_end: bool = True
