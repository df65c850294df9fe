"""Visibility: an operation may read the values defined before it in its own region.

Regions are isolated from above, in MLIR's words: they are bodies of kernels, which read memory through
operands only, or bodies of control flow, which get their values as arguments. So a region sees its own
arguments, and no values of the enclosing block. The regions of ops with the trait OPEN are lists of launches
in the function's memory: they see the values around them.
"""

from __future__ import annotations

from ...errors import IRError
from ...errors.diagnostic import Note, Span
from .diagnostics import function_span, op_error, op_span
from .ir import Block, Operation, Value
from .module import Function
from .parts import ArgumentAt, OperandAt


def unseen_operand(op: Operation, index: int, value: Value) -> IRError:
    """The error that operand INDEX of OP is VALUE, which is not visible there."""
    at = OperandAt(index)
    holder = op.holder
    if holder is None or not _around(holder, value):
        return op_error(op, f"operand {index} is not defined before this operation", at=at)
    message = f"operand {index} is defined outside the region of {holder.name}, which sees no other values"
    hint = f"pass it to {holder.name} as an operand, and give the region an argument for it"
    note = Note("it is defined here" if definition_span(value) else _described(value), definition_span(value))
    return op_error(op, message, hint, at=at, label="defined outside the region", notes=[note])


def _around(holder: Operation | None, value: Value) -> bool:
    """Whether VALUE is defined in the block of HOLDER, or in an enclosing one."""
    home = value.owner.parent if isinstance(value.owner, Operation) else value.owner
    while holder is not None:
        if holder.parent is home:
            return True
        holder = holder.holder
    return False


def definition_span(value: Value) -> Span | None:
    """The span of VALUE's definition in the text it was parsed from: the op, or the argument's type; else
    None."""
    if isinstance(value.owner, Operation):
        return op_span(value.owner)
    region = value.owner.parent
    if region is None or region.parent is None:
        return None
    if isinstance(region.parent, Function):
        return function_span(region.parent, ArgumentAt(value.index))
    return op_span(region.parent, ArgumentAt(value.index, region.parent.regions.index(region)))


def _described(value: Value) -> str:
    """The origin of a value in words, if there is no text to point at."""
    if isinstance(value.owner, Block):
        return f"it is argument {value.index} of the block around the region"
    return f"it is result {value.index} of {value.owner.name} outside the region"
