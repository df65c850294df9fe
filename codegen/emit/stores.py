"""Stores of results: vectorized where the lanes are adjacent in memory, else element by element."""

from __future__ import annotations

from collections.abc import Callable

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import DType
from ...dialects.core.expr import Expr
from ...dialects.core.types import TensorType
from ..text.literals import c_type
from .emitter import Emitter
from .narrow_types import Narrowing, narrowing
from .offsets import linear_offset
from .sections import Section


def store(
    emitter: Emitter, buffer: str, type: TensorType, index: tuple[Dim, ...], expr: Expr, section: Section
) -> None:
    """Emit the store of EXPR to element INDEX of BUFFER, an output of TYPE; vectorized where possible."""
    offset = linear_offset(type, index)
    if emitter.lanes.count > 1 and emitter.lanes.stride(offset) == 1 and emitter.lanes.aligned(offset):
        place, count = emitter.index(offset), emitter.lanes.count
        write_vector(
            emitter,
            (buffer, type.dtype),
            expr,
            section,
            lambda vector: f"store_wide<{count}>({buffer}, {place}, {vector});",
        )
        return
    term = emitter.lower(expr, section)
    if emitter.lanes.count > 1:
        section.write(f"store({buffer}, {emitter.lane_index(offset)}, {term.text});", varying=True)
    else:
        section.lines([f"store({buffer}, {emitter.index(offset)}, {term.text});"])


def store_at(emitter: Emitter, pointer: str, dtype: DType, expr: Expr, section: Section) -> None:
    """Emit the store of all lanes of EXPR, as elements of DTYPE, to where POINTER points in shared memory."""
    write_vector(
        emitter,
        (pointer, dtype),
        expr,
        section,
        lambda vector: f"store_shared({pointer}, {vector});",
    )


def write_vector(
    emitter: Emitter, to: tuple[str, DType], expr: Expr, section: Section, write: Callable[[str], str]
) -> None:
    """Emit what WRITE makes of the vector of all lanes of EXPR; TO: a stem for names, the elements' type."""
    stem, dtype = to
    narrow = (narrowing(expr) or Narrowing(expr, dtype)).of_vectors
    term = emitter.lower(narrow.operand, section)
    if term.vector is not None:
        section.after(write(narrow.of_all(term.vector)))
        return
    name = emitter.fresh(f"{stem}_")
    section.lines([f"Vec<{c_type(narrow.operand.dtype)}, {emitter.lanes.count}> {name};"])
    section.write(f"{name}[lane] = {term.text};", varying=True)
    section.after(write(narrow.of_all(name)))
