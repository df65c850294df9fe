"""Constructors for errors about IR: one sentence, a span and a hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...errors import IRError
from ...errors.diagnostic import Diagnostic, Note, Span
from .affine import Dim
from .anatomy import function_anatomy, operation_anatomy
from .parts import AttributeAt, OperandAt, Part, YieldedAt

if TYPE_CHECKING:
    from .ir import Operation, Value
    from .module import Function


MAX_COMPARED = 100  # names longer than this many characters get no suggestions


def text_error(
    message: str, span: Span | None, hint: str | None = None, *, label: str = "", notes: Sequence[Note] = ()
) -> IRError:
    """An error at SPAN in IR text."""
    return IRError.of(Diagnostic(message, span, label, tuple(notes), _hints(hint)))


def op_error(
    op: Operation,
    message: str,
    hint: str | None = None,
    *,
    at: Part | YieldedAt | None = None,
    label: str = "",
    notes: Sequence[Note] = (),
) -> IRError:
    """An error about OP, or about its part AT; located in the text that OP was parsed from, if any, and by
    its ONNX nodes. LABEL is shown under the part."""
    return IRError.of(_diagnostic(op, message, hint, at, label, notes))


def function_error(
    function: Function, message: str, hint: str | None = None, *, at: Part | None = None, label: str = ""
) -> IRError:
    """An error about FUNCTION, or about an argument or a result type in its signature."""
    span = function_span(function, at)
    return IRError.of(Diagnostic(f"func @{function.name}: {message}", span, label, (), _hints(hint)))


class SizeMismatch(IRError):
    """Two sizes that an op requires to be equal are spelled differently; they may still have equal values.

    `stretched`: the axis, counted from the end, along which the operands broadcast, so that one of the sizes
    may be 1 instead.
    """

    def __init__(
        self, op: Operation, message: str, left: Dim, right: Dim, stretched: int | None, at: Part | None
    ) -> None:
        super().__init__(message)
        self.diagnostic = _diagnostic(op, message, None, at, "", ())
        self.op = op
        self.left = left
        self.right = right
        self.stretched = stretched


def size_mismatch(
    op: Operation,
    message: str,
    left: Dim,
    right: Dim,
    stretched: int | None = None,
    *,
    at: Part | None = None,
) -> SizeMismatch:
    """The error that sizes LEFT and RIGHT of OP, or of its part AT, should be equal."""
    return SizeMismatch(op, message, left, right, stretched, at)


def operand_at(op: Operation, value: Value) -> OperandAt | None:
    """The position of VALUE's first use among OP's operands; None if it is no operand."""
    return next((OperandAt(i) for i, operand in enumerate(op.operands) if operand is value), None)


def op_span(op: Operation, part: Part | YieldedAt | None = None) -> Span | None:
    """The span of OP, or of its PART, in the text that it was parsed from; None without text.

    For an op that a pass substituted for another, or gave more operands, the span is the whole op.
    """
    if isinstance(part, YieldedAt):
        return op_span(op.regions[part.region].block.terminator, OperandAt(part.index)) or op_span(op)
    place = op.location.place
    if place is None:
        return None
    text = place.source.text
    anatomy = operation_anatomy(text, place.start)
    start, end = anatomy.name
    if part is not None and text[start:end] == op.name and len(anatomy.operands) >= len(op.operands):
        named = anatomy.symbol if part == AttributeAt(op.spec.symbol or "") else None
        start, end = named or anatomy.of(part) or anatomy.name
    return place.source.span(start, end)


def function_span(function: Function, part: Part | None = None) -> Span | None:
    """The span of FUNCTION's name, or of a PART of its signature, in the text that it was parsed from, or
    None."""
    place = function.location.place
    if place is None:
        return None
    anatomy = function_anatomy(place.source.text, place.start)
    return place.source.span(*((anatomy.of(part) if part is not None else None) or anatomy.name))


def closest(name: str, known: Iterable[str]) -> str | None:
    """The name in KNOWN most similar to NAME, if one is similar. The comparison takes quadratic time."""
    if len(name) > MAX_COMPARED:
        return None
    found = difflib.get_close_matches(name, known, 1)
    return found[0] if found else None


def _diagnostic(
    op: Operation,
    message: str,
    hint: str | None,
    at: Part | YieldedAt | None,
    label: str,
    notes: Sequence[Note],
) -> Diagnostic:
    return Diagnostic(
        f"{op.name}: {message}",
        op_span(op, at),
        label,
        tuple(notes),
        _hints(hint),
        op.location.nodes,
        _level(op),
    )


def _hints(hint: str | None) -> tuple[str, ...]:
    return () if hint is None else (hint,)


def _level(op: Operation) -> str:
    """The dialect of the outermost op around OP (or of OP), which names the level; empty for builtin ops."""
    holder = op
    while (outer := holder.holder) is not None:
        holder = outer
    dialect = holder.name.partition(".")[0]
    return "" if dialect == "core" else dialect
