"""Sums and means of rows of embedding tables, as recommenders look them up for features of several values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL as FLAG
from ..core.attributes import DTYPE, INT, EnumKind
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import BF16, F16, F32, I8, U8, DType
from ..core.interpreter import Evaluation
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operands, results
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp, same_shape, same_size
from .indexing import wrapped_array
from .numeric import Array, converted

FLOATS = (F32, F16, BF16)
TABLES = (*FLOATS, I8, U8)
MOST_TABLES = 64  # of an op, whose kernel takes the buffers of all
SLACK = 4.0  # unit roundoffs, relative to the largest result, by which a kernel may differ from numpy


class Bag(NamedTuple):
    """What one of an op's results is computed from."""

    table: Value
    indices: Value
    offsets: Value | None
    weights: Value | None
    scales: Value | None
    zeros: Value | None


@define_op()
class EmbeddingBag(GraphOp):
    """For each bag of row numbers, the sum or mean of these rows of a table (PyTorch's EmbeddingBag).

    It has `count` tables, with one result [B, W] of each. Its operands are, table by table: the table [R, W];
    indices [B, L], of which a line is a bag, or with `ragged` [N], all bags one after the other, and offsets
    [B], where each begins, or [B + 1], `closed`, where the last one ends, too; with `weighted` a factor of
    each row, of the shape of the indices; with `scaled` a factor of each row of the table, [R], and with
    `shifted` what is subtracted from the row before that, [R].

    Indices are in -R..R-1; others are clamped. Offsets are cut to the indices as those of a slice; a bag that
    would end before it begins is empty, and its sum and mean are 0. Sums are in f32. `to` is the type of the
    results.

    floats: the types of results in which there are kernels.
    """

    name = "graph.embedding_bag"
    floats: ClassVar[tuple[DType, ...]] = FLOATS
    any_order: ClassVar[bool] = False
    parts = operands()
    count = attribute(INT, 1)
    mode = attribute(EnumKind(("sum", "mean")), "sum")
    ragged = attribute(FLAG, False)
    closed = attribute(FLAG, False)
    weighted = attribute(FLAG, False)
    scaled = attribute(FLAG, False)
    shifted = attribute(FLAG, False)
    to = attribute(DTYPE)
    ys = results()

    @property
    def bags(self) -> list[Bag]:
        """The operands, table by table."""
        left: Iterator[Value] = iter(self.parts)
        flags = (self.ragged, self.weighted, self.scaled, self.shifted)
        return [
            Bag(next(left), next(left), *(next(left) if flag else None for flag in flags))
            for _ in range(self.count)
        ]

    def samples(self, bag: Bag) -> Dim:
        """How many bags BAG's indices have."""
        return (
            bag.indices.type.shape[0] if bag.offsets is None else bag.offsets.type.shape[0] - int(self.closed)
        )

    def kept(self, value: Value) -> bool:
        """Whether the operand VALUE is stored in its own type, whatever a policy asks for.

        Only tables are large, and those that are narrower than what is computed stay so.
        """
        return all(value is not bag.table for bag in self.bags) or value.type.dtype.bits < self.to.bits

    def infer(self) -> Sequence[TensorType]:
        each = 2 + self.ragged + self.weighted + self.scaled + self.shifted
        if self.count < 1 or len(self.parts) != each * self.count:
            message = f"{self.count} table(s) take {each * self.count} operands, {len(self.parts)} were given"
            raise op_error(self, message, at=AttributeAt("count"))
        if self.to not in FLOATS:
            raise op_error(self, f"sums are floats, not {self.to}", at=AttributeAt("to"))
        if self.closed and not self.ragged:
            raise op_error(self, "it has no offsets, which may have an end", at=AttributeAt("closed"))
        return [self._result(bag) for bag in self.bags]

    def _result(self, bag: Bag) -> TensorType:
        """The type of BAG's result. Raises a located error for operands that do not fit each other."""
        ranks = (2, 1 if self.ragged else 2, 1, 1 if self.ragged else 2, 1, 1)
        kinds = (TABLES, None, None, FLOATS, FLOATS, TABLES)
        for value, rank, kind in zip(bag, ranks, kinds, strict=True):
            if value is None:
                continue
            dtype = value.type.dtype
            if value.type.rank != rank or not (dtype in kind if kind else dtype.is_integer):
                what = f"a {value.type} is no {'table' if value is bag.table else 'part'} of a bag here"
                raise op_error(self, what, at=operand_at(self, value))
        rows, width = bag.table.type.shape
        for value in (bag.scales, bag.zeros):
            if value is not None:
                message = "it does not have one for each row of the table"
                same_size(self, value.type.shape[0], rows, message, operand_at(self, value))
        if bag.weights is not None:
            message = f"the factors {bag.weights.type} are not of the shape of the indices"
            same_shape(
                self, bag.weights.type.shape, bag.indices.type.shape, message, operand_at(self, bag.weights)
            )
        return TensorType((self.samples(bag), width), self.to)

    def needs(self) -> Iterable[Need]:
        for at, bag in enumerate(self.bags):
            place = operand_at(self, bag.table)
            yield Need(bag.table.type.shape[0], 1, f"table {at} has rows", at=place)

    def flops(self) -> Dim:
        return sum((bag.indices.type.elements * bag.table.type.shape[1] for bag in self.bags), 0)

    def allowed(self) -> float:
        """The largest difference between a kernel and `evaluate`, relative to the largest result."""
        longest = [bag.indices.type.shape[-1] for bag in self.bags]
        terms = max((size for size in longest if isinstance(size, int)), default=256)
        rounding = float(2.0 ** -{F32: 24, F16: 11, BF16: 8}[self.to])
        return SLACK * (rounding + 2.0**-24 * math.sqrt(terms))

    def evaluate(self, evaluation: Evaluation, *parts: Any) -> Array | tuple[Array, ...]:
        names = dict(zip(self.parts, parts, strict=True))
        found = tuple(
            self._sums(*(None if value is None else names[value] for value in bag)) for bag in self.bags
        )
        return found if len(found) > 1 else found[0]

    def _sums(self, table: Any, indices: Any, offsets: Any, weights: Any, scales: Any, zeros: Any) -> Array:
        at = wrapped_array(indices, len(table))
        with np.errstate(all="ignore"):
            rows = table[at].astype(np.float32)
            rows = rows if zeros is None else rows - zeros[at].astype(np.float32)[..., None]
            rows = rows if scales is None else rows * scales[at].astype(np.float32)[..., None]
            rows = rows if weights is None else rows * weights.astype(np.float32)[..., None]
            groups = list(rows) if offsets is None else self._cut(rows, offsets)
            sums = [group.sum(0, dtype=np.float64) for group in groups]
            if self.mode == "mean":
                sums = [one / max(len(group), 1) for one, group in zip(sums, groups, strict=True)]
            shape = (len(sums), table.shape[1])
            return converted(np.asarray(sums, np.float64).reshape(shape).astype(np.float32), self.to)

    def _cut(self, rows: Array, offsets: Array) -> list[Array]:
        """ROWS of all bags as those of each, which begin at OFFSETS."""
        ends = [*offsets[1:], *([] if self.closed else [len(rows)])]
        return [rows[int(begin) : int(end)] for begin, end in zip(offsets[: len(ends)], ends, strict=True)]


OPS: tuple[type[Operation], ...] = (EmbeddingBag,)
