"""Errors about IR: one sentence, the place with a caret, and a hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...errors import IRError
from .affine import Dim
from .location import Location, Span

if TYPE_CHECKING:
    from .ir import Operation


MAX_COMPARED = 100  # characters of a name that others are compared with


def text_error(message: str, span: Span, hint: str | None = None) -> IRError:
    """An error at a place in IR text."""
    return IRError(f"{message}\n  at {span.render()}", hint)


def op_error(op: Operation, message: str, hint: str | None = None) -> IRError:
    """An error about OP, located by its text span when it has one, else by its ONNX nodes."""
    return IRError(f"{op.name}: {message}{_place(op.location)}", hint)


class SizeMismatch(IRError):
    """Two sizes that an op needs to be equal are written differently: they may still be equal.

    `stretched`: the axis, counted from the end, along which operands broadcast: there one of the sizes
    may be 1 instead.
    """

    def __init__(self, op: Operation, message: str, left: Dim, right: Dim, stretched: int | None) -> None:
        super().__init__(f"{op.name}: {message}{_place(op.location)}")
        self.op = op
        self.left = left
        self.right = right
        self.stretched = stretched


def size_mismatch(
    op: Operation, message: str, left: Dim, right: Dim, stretched: int | None = None
) -> SizeMismatch:
    """The error about OP whose sizes LEFT and RIGHT should be the same."""
    return SizeMismatch(op, message, left, right, stretched)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of KNOWN that NAME may have been meant to be; comparing takes the square of their length."""
    if len(name) > MAX_COMPARED:
        return None
    found = difflib.get_close_matches(name, known, 1)
    return found[0] if found else None


def _place(location: Location) -> str:
    nodes = ", ".join(repr(node) for node in location.nodes[:3])
    more = f" and {len(location.nodes) - 3} more" if len(location.nodes) > 3 else ""
    text = f"\n  from ONNX node {nodes}{more}" if nodes else ""
    if location.span is not None:
        text += f"\n  at {location.span.render()}"
    return text
