"""Ops that every level shares."""

from __future__ import annotations

from collections.abc import Sequence

from .dialect import Dialect
from .ir import Operation
from .op import define_op, operands
from .traits import Trait
from .types import TensorType


@define_op(Trait.TERMINATOR)
class Return(Operation):
    """Ends a function; its operands are the function's outputs."""

    name = "core.return"
    values = operands()

    def infer(self) -> Sequence[TensorType]:
        return ()


@define_op(Trait.TERMINATOR)
class Yield(Operation):
    """Ends a region; its operands are the region's results."""

    name = "core.yield"
    values = operands()

    def infer(self) -> Sequence[TensorType]:
        return ()


CORE = Dialect("core", (Return, Yield))
