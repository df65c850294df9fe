"""Stores of results: vectorized where the lanes are adjacent in memory, else element by element."""

from __future__ import annotations

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
        _store_wide(emitter, buffer, type.dtype, emitter.index(offset), expr, section)
        return
    term = emitter.lower(expr, section)
    if emitter.lanes.count > 1:
        section.write(f"store({buffer}, {emitter.lane_index(offset)}, {term.text});", varying=True)
    else:
        section.lines([f"store({buffer}, {emitter.index(offset)}, {term.text});"])


def _store_wide(
    emitter: Emitter, buffer: str, dtype: DType, offset: str, expr: Expr, section: Section
) -> None:
    narrow = narrowing(expr) or Narrowing(expr, dtype)
    term = emitter.lower(narrow.operand, section)
    count = emitter.lanes.count
    if term.vector is not None:
        section.after(f"store_wide<{count}>({buffer}, {offset}, {narrow.of_all(term.vector)});")
        return
    name = emitter.fresh(f"{buffer}_")
    section.lines([f"Vec<{c_type(narrow.operand.dtype)}, {count}> {name};"])
    section.write(f"{name}[lane] = {term.text};", varying=True)
    section.after(f"store_wide<{count}>({buffer}, {offset}, {narrow.of_all(name)});")
