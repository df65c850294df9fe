"""Builtin ops, which every level shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .dialect import Dialect
from .ir import Operation
from .op import define_op, operand, operands, result
from .traits import Trait
from .types import TensorType

if TYPE_CHECKING:
    from .interpreter import Evaluation


@define_op(Trait.TERMINATOR)
class Return(Operation):
    """Terminator of a function; its operands are the function's outputs."""

    name = "core.return"
    values = operands()

    def infer(self) -> Sequence[TensorType]:
        return ()


@define_op(Trait.TERMINATOR)
class Yield(Operation):
    """Terminator of a region; its operands are the region's results."""

    name = "core.yield"
    values = operands()

    def infer(self) -> Sequence[TensorType]:
        return ()


@define_op(Trait.SIDE_EFFECT)
class Barrier(Operation):
    """The identity, which no rewrite looks through. It exists only between passes of the graph level."""

    name = "core.barrier"
    x = operand()
    y = result()

    def infer(self) -> Sequence[TensorType]:
        return [self.x.type]

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return x


CORE = Dialect("core", (Return, Yield, Barrier))
