"""A single element whose rank depends on the branch: one branch gives a scalar, the other `[x]`.

It is kept with the most dimensions that it may have. Broadcast with as many or more it makes no difference;
any other use is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnx import NodeProto

from ...dialects.core.ir import Value
from .problems import Refused
from .tensor import Lost, Tensor

# Ops whose results have the highest rank among their operands.
BROADCASTING = frozenset({
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater",
    "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "Sub", "Sum",
    "Where", "Xor",
})  # fmt: skip


class EitherRank(Tensor):
    """One element, as a tensor of the highest rank that it may have; `least` is the lowest."""

    __slots__ = ("least",)

    def __init__(self, value: Value, least: int) -> None:
        super().__init__(value.type, value=value)
        self.least = least


def check_use(node: NodeProto, inputs: Sequence[Tensor | None]) -> None:
    """Raise Refused where the result of NODE depends on the rank of one of INPUTS that a branch decides."""
    for index, each in enumerate(inputs):
        if not isinstance(each, EitherRank) or (node.op_type == "CastLike" and index == 1):
            continue
        others = [
            one.rank for one in inputs if isinstance(one, Tensor) and not isinstance(one, (EitherRank, Lost))
        ]
        if node.op_type not in BROADCASTING or max(others, default=0) < each.rank:
            raise Refused(
                f"a branch decides whether its input {index} has {each.least} or {each.rank} dimensions"
            )
