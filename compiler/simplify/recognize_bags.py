"""Patterns that recognize sums and means of rows of a table: embedding bags of equally many rows.

Exporters write them as a lookup of all rows, perhaps with a factor of each, and a reduction over the rows of
a bag. As one op the rows are added up where they are read, and are nowhere stored. Tables of eight bits or
of halves stay as they are: what makes numbers of them becomes part of the op.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...dialects.core.affine import Dim, product
from ...dialects.core.dtypes import F32
from ...dialects.core.ir import Operation, Value
from ...dialects.graph.binary import Mul, Sub
from ...dialects.graph.constants import Constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.embedding import FLOATS, TABLES, EmbeddingBag
from ...dialects.graph.indexing import Gather
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.quantization import Dequantize
from ...dialects.graph.reduction import Reduce
from ..patterns.matching import only_use, produced_by
from ..patterns.rewrite import Rewriter, pattern
from ..patterns.spelling import orders


@dataclass(frozen=True)
class BagRows:
    """BagRows of `table` by `indices`, what they are scaled and shifted by, and the ops that compute them.

    scales, zeros: of each row of the table, or one for all; weights: of each row that is looked up.
    """

    table: Value
    indices: Value
    absorbed: tuple[Operation, ...]
    scales: Value | None = None
    zeros: Value | None = None
    weights: Value | None = None


@pattern("embedding-bag", Reduce)
def embedding_bag(op: Reduce, rewriter: Rewriter) -> bool:
    """reduce(gather(table, indices) * factors) over a bag's rows => embedding_bag(table, indices, factors)"""
    rows, rank = _rows(op.x), op.x.type.rank
    if rows is None or op.kind not in ("sum", "mean") or tuple(op.axes) != (rank - 2,):
        return False
    made = rewriter.insert(_bag(op, rows, rewriter))
    y = made.results[0]
    if y.type.shape != op.y.type.shape:
        y = rewriter.insert(Reshape(y, shape=op.y.type.shape)).result
    rewriter.replace(op, y, absorbed=rows.absorbed)
    return True


@pattern("rows-dequantized", Gather)
def rows_dequantized(op: Gather, rewriter: Rewriter) -> bool:
    """gather(dequantize(q, s, z), i) => (gather(q, i) - gather(z, i)) * gather(s, i); one scale a row"""
    scaling = produced_by(op.x, Dequantize)
    if (
        scaling is None
        or not only_use(op.x)
        or op.axis != 0
        or not _of_rows(scaling)
        or not _is_given(scaling.x)
    ):
        return False

    def looked_up(value: Value) -> Value:
        return _as_f32(rewriter.insert(Gather(value, op.indices)).result, rewriter)

    def of_each(value: Value) -> Value:
        number = looked_up(value)
        shape = (*number.type.shape, *(1,) * (scaling.x.type.rank - 1))
        return rewriter.insert(Reshape(number, shape=shape)).result

    y = looked_up(scaling.x)
    if scaling.zero_point is not None:
        y = rewriter.insert(Sub(y, of_each(scaling.zero_point))).result
    y = rewriter.insert(Mul(y, of_each(scaling.scale))).result
    rewriter.replace(
        op, y if scaling.to == F32 else rewriter.insert(Cast(y, to=scaling.to)).result, absorbed=[scaling]
    )
    return True


@pattern("cast-before-lookup", Cast)
def cast_before_lookup(op: Cast, rewriter: Rewriter) -> bool:
    """cast(gather(c, i)) => gather(cast(c), i), for a constant of one number for each row"""
    gather = produced_by(op.x, Gather)
    if gather is None or not only_use(op.x) or gather.axis != 0 or op.to != F32:
        return False
    if not isinstance(gather.x.producer, Constant) or gather.x.type.elements != gather.x.type.shape[0]:
        return False
    y = rewriter.insert(Gather(_as_f32(gather.x, rewriter), gather.indices)).result
    rewriter.replace(op, y, absorbed=[gather])
    return True


def _as_f32(value: Value, rewriter: Rewriter) -> Value:
    return value if value.type.dtype == F32 else rewriter.insert(Cast(value, to=F32)).result


PATTERNS = (rows_dequantized, cast_before_lookup, embedding_bag)


def _bag(op: Reduce, rows: BagRows, rewriter: Rewriter) -> EmbeddingBag:
    """The op for OP, a reduction of ROWS; its operands have been inserted."""
    shape = rows.indices.type.shape
    lines = (product(shape[:-1]), shape[-1])
    count = (rows.table.type.shape[0],)
    parts = [rows.table, _reshaped(rows.indices, lines, rewriter)]
    if rows.weights is not None:
        parts.append(_reshaped(rows.weights, lines, rewriter))
    for each in (rows.scales, rows.zeros):
        if each is not None:
            one = each.type.rank == 0
            parts.append(
                rewriter.insert(Expand(each, shape=count)).result if one else _reshaped(each, count, rewriter)
            )
    return EmbeddingBag(
        *parts,
        mode=op.kind,
        weighted=rows.weights is not None,
        scaled=rows.scales is not None,
        shifted=rows.zeros is not None,
        to=op.y.type.dtype,
    )


def _reshaped(value: Value, shape: tuple[Dim, ...], rewriter: Rewriter) -> Value:
    if value.type.shape == shape:
        return value
    return rewriter.insert(Reshape(value, shape=shape)).result


# ---------------------------------------------------------------- rows


def _rows(value: Value) -> BagRows | None:
    """The rows that VALUE is; None if it is none, or is read elsewhere, too."""
    op = value.producer
    if op is None or not only_use(value) or value.type.dtype not in TABLES:
        return None
    match op:
        case Gather():
            found = _looked_up(op)
        case Cast():
            found = _rows(op.x) if op.x.type.dtype.bits < op.to.bits and op.to in FLOATS else None
        case Dequantize():
            found = _dequantized(op)
        case Sub():
            found = _shifted(op)
        case Mul():
            found = next((found for x, y in orders(op) if (found := _scaled(x, y)) is not None), None)
        case _:
            return None
    return None if found is None else replace(found, absorbed=(*found.absorbed, op))


def _looked_up(op: Gather) -> BagRows | None:
    """The rows that OP looks up in a table that is given: a constant, or an argument."""
    table, scaling = op.x, produced_by(op.x, Dequantize)
    if op.axis != 0 or table.type.rank != 2 or not isinstance(table.type.shape[1], int):
        return None
    if op.indices.type.rank == 0:
        return None
    if scaling is not None and only_use(table) and _of_all(scaling) and _is_given(scaling.x):
        own = BagRows(scaling.x, op.indices, (scaling,), scaling.scale, scaling.zero_point)
        return own if scaling.x.type.dtype in TABLES else None
    return BagRows(table, op.indices, ()) if _is_given(table) and table.type.dtype in TABLES else None


def _is_given(value: Value) -> bool:
    return value.producer is None or isinstance(value.producer, Constant)


def _of_rows(op: Dequantize) -> bool:
    """Whether OP has one scale for each row of a table."""
    return not op.block and not op.per_tensor and op.axis == 0 and op.scale.type.dtype in FLOATS


def _of_all(op: Dequantize) -> bool:
    """Whether OP has one scale for a whole table."""
    return op.per_tensor and op.scale.type.dtype in FLOATS


def _dequantized(op: Dequantize) -> BagRows | None:
    """The rows of which OP, with one scale for all, makes floats."""
    found = _rows(op.x) if _of_all(op) else None
    plain = found is not None and found.scales is None and found.zeros is None and found.weights is None
    return replace(found, scales=op.scale, zeros=op.zero_point) if found is not None and plain else None


def _shifted(op: Sub) -> BagRows | None:
    """The rows from which OP subtracts one number each, looked up beside them."""
    found = _rows(op.x) if op.y.type.dtype in FLOATS else None  # integers wrap
    if found is None or found.scales is not None or found.zeros is not None or found.weights is not None:
        return None
    zeros = _beside(op.y, found)
    return None if zeros is None else replace(found, zeros=zeros)


def _scaled(x: Value, factor: Value) -> BagRows | None:
    """The rows X times one FACTOR each: looked up beside them, or given for each."""
    found = _rows(x)
    if found is None or factor.type.shape != (*found.indices.type.shape, 1):
        return None
    scales = _beside(factor, found) if found.scales is None and found.weights is None else None
    if scales is not None and scales.type.dtype in FLOATS:
        return replace(found, scales=scales)
    if found.weights is not None or factor.type.dtype not in FLOATS:
        return None
    return replace(found, weights=factor)


def _beside(value: Value, rows: BagRows) -> Value | None:
    """What VALUE, [..., 1], looks up by the indices of ROWS: one number for each row of their table."""
    if value.type.shape != (*rows.indices.type.shape, 1):
        return None
    while isinstance(value.producer, (Reshape, Cast)) and only_use(value) and value.type.dtype in TABLES:
        value = value.producer.x
    gather = produced_by(value, Gather)
    if gather is None or gather.axis != 0 or gather.indices is not rows.indices:
        return None
    cast, count = produced_by(gather.x, Cast), rows.table.type.shape[0]
    found = gather.x if cast is None else cast.x
    fits = found.type.shape in ((count,), (count, 1)) and found.type.dtype in TABLES and _is_given(found)
    return found if fits else None
