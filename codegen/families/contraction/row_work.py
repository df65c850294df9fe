"""The spec of code that a contraction runs once per row of its first operand, before it copies the row."""

from __future__ import annotations

from dataclasses import dataclass

from ...text.render import Code, Identifier


@dataclass(frozen=True)
class RowValue:
    """A row value: a C array with one number for each row of A that a thread copies."""

    name: Identifier
    type: Identifier


@dataclass(frozen=True)
class RowWork:
    """What a thread computes about a row of A before it copies any of it.

    `code` may use the ints `m` and, if the problem has a batch, `batch`. It sets element `[slot]` of each
    array in `values` and, when rows are gathered (`picks`), of `a_origin`: the row's offset in the table,
    in elements.
    """

    values: tuple[RowValue, ...]
    picks: bool
    code: Code
