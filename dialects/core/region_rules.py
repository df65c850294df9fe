"""Rules of ops with regions: region arguments and yielded values, conditions and trip counts."""

from __future__ import annotations

from collections.abc import Sequence

from .affine import Dim
from .diagnostics import op_error, operand_at
from .dtypes import DType
from .ir import Operation, Value
from .parts import ArgumentAt, AttributeAt, RegionAt, YieldedAt
from .types import TensorType


def check_scalar(op: Operation, value: Value | None, dtype: DType, what: str) -> None:
    """Raise IRError unless VALUE, the operand WHAT of OP, is absent or a scalar of DTYPE."""
    if value is not None and (value.type.dtype != dtype or value.type.rank):
        message = f"its {what} is {value.type}, a scalar of {dtype} is expected"
        raise op_error(op, message, at=operand_at(op, value))


def check_limit(op: Operation, attribute: str, limit: Dim | None) -> None:
    """Raise IRError if LIMIT, the ATTRIBUTE of OP that limits its iterations, is a negative number."""
    if isinstance(limit, int) and limit < 0:
        raise op_error(op, f"its {attribute} of iterations is {limit}, below zero", at=AttributeAt(attribute))


def check_argument_count(op: Operation, number: int, count: int) -> None:
    """Raise IRError unless region NUMBER of OP takes COUNT arguments."""
    found = len(op.regions[number].block.arguments)
    if found != count:
        message = f"its region {number} has {found} arguments, {count} are passed"
        if found > count:
            raise op_error(op, message, at=ArgumentAt(count, number), label="one too many")
        raise op_error(op, message, at=RegionAt(number), label="too few")


def check_yielded(op: Operation, number: int, wanted: Sequence[TensorType], hint: str) -> None:
    """Raise IRError unless the first values that region NUMBER of OP yields have the types WANTED."""
    found = op.regions[number].block.terminator.inputs
    if len(found) < len(wanted):
        message = f"its region {number} yields {len(found)} values, {len(wanted)} are expected"
        raise op_error(op, message, hint, at=YieldedAt(len(found), number), label="too few")
    for index, (value, type) in enumerate(zip(found, wanted, strict=False)):
        if value.type != type:
            message = f"its region {number} yields {value.type} as value {index}, {type} is expected"
            raise op_error(op, message, hint, at=YieldedAt(index, number), label=f"{type} is expected")
