"""Recognizes maxima and minima over windows that can be computed on packed vectors, without unpacking.

See `templates/include/packed.cuh`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.dtypes import BF16, F16, I8, U8
from ...dialects.core.expr import Const, Expr, LoadExpr, ReduceExpr, Select
from ..text.literals import highest, literal, lowest
from .lanes import Lanes
from .offsets import linear_offset

PACKED = (I8, U8, F16, BF16)
WORDS = (4, 8, 16)  # widths of a packed access, in bytes
UNROLLED = 16  # the most elements of a window whose loop is unrolled, so that its loads overlap


@dataclass(frozen=True)
class PackedExtreme:
    """A maximum or minimum (`kind`) over vectorized loads.

    condition: the predicate of a load, if there is one; start: the identity of the reduction, as a literal;
    unrolled: whether its loop is unrolled.
    """

    kind: str
    load: LoadExpr
    condition: Expr | None
    start: str
    unrolled: bool


def packed_extreme(reduce: ReduceExpr, lanes: Lanes) -> PackedExtreme | None:
    """REDUCE on packed vectors; None when its elements are not contiguous across lanes, or are computed."""
    body: Expr = reduce.body
    condition: Expr | None = None
    if reduce.kind not in ("max", "min") or reduce.dtype not in PACKED:
        return None
    if lanes.count * reduce.dtype.bytes not in WORDS:
        return None
    start = lowest(reduce.dtype) if reduce.kind == "max" else highest(reduce.dtype)
    if isinstance(body, Select):
        # Elements outside the window must be the identity, so that they do not affect the result.
        other, condition = body.other, body.condition
        if not isinstance(other, Const) or literal(other.value, body.dtype) != start:
            return None
        body = body.chosen
    if not isinstance(body, LoadExpr) or body.dtype != reduce.dtype:
        return None
    offset = linear_offset(body.source.type, body.index)
    if lanes.stride(offset) != 1 or not lanes.aligned(offset):
        return None
    elements = 1
    for _, extent in reduce.variables:
        elements *= extent if isinstance(extent, int) else UNROLLED + 1
    return PackedExtreme(reduce.kind, body, condition, start, elements <= UNROLLED)
