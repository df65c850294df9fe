"""Rules about what decides how often regions run, at every level that has control flow."""

from __future__ import annotations

from .affine import Dim
from .diagnostics import op_error, operand_at
from .dtypes import DType
from .ir import Operation, Value
from .parts import AttributeAt


def check_scalar(op: Operation, value: Value | None, dtype: DType, what: str) -> None:
    """Raise IRError unless VALUE, an operand of OP that is its WHAT, is absent or a scalar of DTYPE."""
    if value is not None and (value.type.dtype != dtype or value.type.rank):
        message = f"its {what} is {value.type}, a scalar of {dtype} is expected"
        raise op_error(op, message, at=operand_at(op, value))


def check_limit(op: Operation, attribute: str, limit: Dim | None) -> None:
    """Raise IRError if LIMIT, the ATTRIBUTE of OP that limits its iterations, is a negative number."""
    if isinstance(limit, int) and limit < 0:
        raise op_error(op, f"its {attribute} of iterations is {limit}, below zero", at=AttributeAt(attribute))
