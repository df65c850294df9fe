"""Dot products of features in pairs, as recommenders have them between embeddings and dense networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL as FLAG
from ..core.attributes import INT, INTS
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import BF16, F16, DType
from ..core.interpreter import Evaluation
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operand, operands, optional_operand, result
from ..core.parts import AttributeAt, OperandAt
from ..core.types import TensorType
from .base import GraphOp, same_dtype, same_size
from .elementwise_base import FLOAT, check_kind
from .indexing import wrapped_array
from .numeric import Array, compute_dtype, converted
from .position import Position

ROWS = -1  # the column of a source that has a row for each sample
SLACK = 4.0  # unit roundoffs, relative to the largest result, by which a kernel may differ from numpy


@define_op()
class Interaction(GraphOp):
    """Dot products of the features of each sample, in pairs (Naumov et al., "Deep Learning Recommendation
    Model", 2019).

    A feature is a vector of W numbers, of each of the F sources one: of rows [B, W] that of the sample; of a
    table [R, W] the row that `indices` [B, C] has in the column that `columns` states, where others have
    ROWS. Indices are in -R..R-1; others are clamped. pairs [P]: i * F + j for the product of the features i
    and j. y: the products [B, P]; behind the first source, which has rows, with `joined`: [B, W + P]. Zeros
    follow in `padding` more columns.

    Sums are in f32 at least.

    floats: the types in which there are kernels.
    """

    name = "graph.interaction"
    floats: ClassVar[tuple[DType, ...]] = (F16, BF16)
    any_order: ClassVar[bool] = False
    pairs = operand()
    indices = optional_operand()
    sources = operands()
    y = result()
    columns = attribute(INTS)
    joined = attribute(FLAG, False)
    padding = attribute(INT, 0)

    @property
    def width(self) -> Dim:
        """Numbers of a feature."""
        return self.sources[0].type.shape[1]

    @property
    def batch(self) -> Dim:
        for source, column in zip(self.sources, self.columns, strict=True):
            if column == ROWS:
                return source.type.shape[0]
        assert self.indices is not None
        return self.indices.type.shape[0]

    @property
    def looked_up(self) -> list[Value]:
        """The tables."""
        return [own for own, column in zip(self.sources, self.columns, strict=True) if column != ROWS]

    def infer(self) -> Sequence[TensorType]:
        if not self.sources or len(self.columns) != len(self.sources):
            raise op_error(self, "it does not have a column for each source", at=AttributeAt("columns"))
        for source in self.sources:
            check_kind(self, source, FLOAT)
            if source.type.rank != 2:
                raise op_error(self, "a source does not have 2 dimensions", at=operand_at(self, source))
        same_dtype(self, [source.type for source in self.sources])
        self._check_integers()
        for source, column in zip(self.sources, self.columns, strict=True):
            at = operand_at(self, source)
            same_size(self, source.type.shape[1], self.width, "features differ in their sizes", at)
            if column == ROWS:
                same_size(self, source.type.shape[0], self.batch, "sources differ in their samples", at)
        if self.joined and self.columns[0] != ROWS:
            raise op_error(self, "its first source, which it joins, is a table", at=AttributeAt("joined"))
        if self.padding < 0:
            raise op_error(self, "its padding is negative", at=AttributeAt("padding"))
        count = self.pairs.type.shape[0] + (self.width if self.joined else 0) + self.padding
        return [TensorType((self.batch, count), self.sources[0].type.dtype)]

    def _check_integers(self) -> None:
        """Raise a located error unless the pairs and indices are integers of the right sizes."""
        for value, rank in ((self.pairs, 1), (self.indices, 2)):
            if value is None:
                continue
            if not value.type.dtype.is_integer or value.type.rank != rank:
                message = f"integers of {rank} dimension(s) are expected, not {value.type}"
                raise op_error(self, message, at=operand_at(self, value))
        columns = self.indices.type.shape[1] if self.indices is not None else 0
        if any(column < ROWS or (isinstance(columns, int) and column >= columns) for column in self.columns):
            message = f"a column is not one of the {columns} of the indices"
            raise op_error(self, message, at=AttributeAt("columns"))
        if self.indices is not None:
            message = "there are indices for other samples"
            same_size(self, self.indices.type.shape[0], self.batch, message, operand_at(self, self.indices))

    def needs(self) -> Iterable[Need]:
        for at, (source, column) in enumerate(zip(self.sources, self.columns, strict=True)):
            if column != ROWS:
                yield Need(source.type.shape[0], 1, "a table has rows", at=OperandAt(at + 2))

    def taken_positions(self) -> Iterable[Position]:
        pairs = zip(self.sources, self.columns, strict=True)
        return [Position(1, own.type.shape[0], column) for own, column in pairs if column != ROWS]

    def flops(self) -> Dim:
        return self.batch * self.width * self.pairs.type.elements * 2

    def allowed(self) -> float:
        """The largest difference between a kernel and `evaluate`, relative to the largest result."""
        return SLACK * float(2.0 ** -(11 if self.sources[0].type.dtype == F16 else 8))

    def evaluate(self, evaluation: Evaluation, pairs: Any, indices: Any, *sources: Any) -> Array:
        features = [
            source if column == ROWS else source[wrapped_array(indices[:, column], len(source))]
            for source, column in zip(sources, self.columns, strict=True)
        ]
        dtype = self.sources[0].type.dtype
        stacked = np.stack(features, 1).astype(compute_dtype(dtype).numpy)
        with np.errstate(all="ignore"):
            products = np.matmul(stacked, np.swapaxes(stacked, 1, 2))
            chosen = products.reshape(len(stacked), -1)[:, wrapped_array(pairs, len(features) ** 2)]
        parts = [sources[0]] if self.joined else []
        zeros = np.zeros((len(stacked), self.padding), dtype.numpy)
        return np.concatenate([*parts, converted(chosen, dtype), zeros], 1)


OPS: tuple[type[Operation], ...] = (Interaction,)
