"""What a contraction template is told about the rows of its first operand."""

from __future__ import annotations

from dataclasses import dataclass

from ...text.render import Code, Identifier


@dataclass(frozen=True)
class RowValue:
    """A number for each row of A that a thread copies, in an array."""

    name: Identifier
    type: Identifier


@dataclass(frozen=True)
class RowWork:
    """What a thread finds out about a row of A before it copies any of it.

    `code` may use the ints `batch` and `m`; it sets `[slot]` of every one of `values` and, when an
    index picks the rows (`picks`), of `a_origin`, the element at which the row begins.
    """

    values: tuple[RowValue, ...]
    picks: bool
    code: Code
