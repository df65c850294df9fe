"""Contractions: the matrix product, and what it has in common with convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, DTYPE, FORMAT
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import EIGHT_BIT_FLOATS, F32, I8, I16, I32, TF32, U8, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp, broadcast_shapes, same_dtype, same_size
from .numeric import compute_dtype, converted, multiplied

BYTES = (I8, U8)


def check_multiplied(op: GraphOp, a: TensorType, b: TensorType, accumulate: DType | None) -> None:
    """Raise a located IRError unless A and B share an element type, are floats of 8 bits that accumulate in
    f32, or integers that accumulate in i32: A of 8 bits, B of 8 or 16."""
    if accumulate == I32 and a.dtype in BYTES and b.dtype in (*BYTES, I16):
        return
    if accumulate == F32 and a.dtype in EIGHT_BIT_FLOATS and b.dtype in EIGHT_BIT_FLOATS:
        return
    same_dtype(op, [a, b])


def product_of(a: Array, b: Array, dtype: DType) -> Array:
    """The matrix product of A and B, as DTYPE; for short integers it is computed exactly and then wraps.
    Sums start from +0."""
    short = all(each.dtype.kind in "iu" and each.dtype.itemsize <= 2 for each in (a, b))
    if short and dtype.is_integer:
        # In f64 every sum of fewer than 2^21 such products is exact, and far faster than in integers.
        wide: Array = np.matmul(a.astype(np.float64), b.astype(np.float64))
        return wide.astype(np.int64).astype(dtype.numpy)
    with np.errstate(all="ignore"):
        narrow: Array = np.matmul(a.astype(dtype.numpy, copy=False), b.astype(dtype.numpy, copy=False))
        return np.asarray(narrow + dtype.numpy.type(0))


def multiply_add(scalars: Scalars, a: Expr, b: Expr, dtype: DType) -> Expr:
    """A * B in DTYPE: the body of a contraction's reduction."""
    return scalars.apply("mul", scalars.cast(a, dtype), scalars.cast(b, dtype))


def check_multiply(op: Operation, multiply: DType | None) -> None:
    """Raise a located IRError unless OP's operands can be rounded to MULTIPLY: only f32, to tf32."""
    if multiply is not None and (multiply != TF32 or op.inputs[0].type.dtype != F32):
        raise op_error(
            op,
            f"cannot multiply {op.inputs[0].type.dtype} as {multiply}",
            "only f32 as tf32",
            at=AttributeAt("multiply"),
        )


@define_op(Trait.CONTRACTION)
class Matmul(GraphOp):
    """Matrix product over the last two dimensions, with the others broadcast (ONNX MatMul, Gemm's product).

    a [.., M, K], b [.., K, N] give [.., M, N]. With `accumulate` the result has that type; i8 and u8
    operands, in any combination, give i32 (ONNX MatMulInteger without zero points). With `multiply` they are
    rounded to that format first, as in `Conv`.
    """

    name = "graph.matmul"
    a = operand()
    b = operand()
    transpose_a = attribute(BOOL, False)
    transpose_b = attribute(BOOL, False)
    accumulate = attribute(DTYPE, None)
    multiply = attribute(FORMAT, None)
    y = result()

    @property
    def extents(self) -> tuple[Dim, Dim, Dim]:
        """The extents M, N and K: rows and columns of the result, and length of the reduction."""
        rows, depth = self.a.type.shape[-2:]
        if self.transpose_a:
            rows, depth = depth, rows
        columns = self.b.type.shape[-2 if self.transpose_b else -1]
        return rows, columns, depth

    @property
    def sum_dtype(self) -> DType:
        """The type of the accumulator."""
        return self.accumulate or compute_dtype(self.a.type.dtype)

    def infer(self) -> Sequence[TensorType]:
        a, b = self.a.type, self.b.type
        if a.rank < 2 or b.rank < 2:
            raise op_error(self, "its operands need at least two dimensions", "reshape vectors to matrices")
        check_multiplied(self, a, b, self.accumulate)
        check_multiply(self, self.multiply)
        rows, columns, depth = self.extents
        other = b.shape[-1 if self.transpose_b else -2]
        same_size(
            self, depth, other, f"the inner dimensions {depth} and {other} differ", operand_at(self, self.b)
        )
        batch = broadcast_shapes(self, [a.shape[:-2], b.shape[:-2]], trailing=2)
        return [TensorType((*batch, rows, columns), self.accumulate or a.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        *batch, row, column = index

        def body(variables: Index) -> Expr:
            (inner,) = variables
            a = self._load(scalars, self.a, batch, (inner, row) if self.transpose_a else (row, inner))
            b = self._load(scalars, self.b, batch, (column, inner) if self.transpose_b else (inner, column))
            return multiply_add(scalars, a, b, self.sum_dtype)

        return scalars.cast(scalars.reduce("sum", (self.extents[2],), body), self.y.type.dtype)

    def _load(self, scalars: Scalars, value: Value, batch: Sequence[Dim], at: Index) -> Expr:
        own = batch[len(batch) - (value.type.rank - 2) :]
        lead = [0 if size == 1 else i for i, size in zip(own, value.type.shape[:-2], strict=True)]
        return scalars.load(value, (*lead, *at))

    def evaluate(self, evaluation: Evaluation, a: Any, b: Any) -> Any:
        a, b = multiplied(a, self.multiply), multiplied(b, self.multiply)
        left = np.swapaxes(a, -1, -2) if self.transpose_a else a
        right = np.swapaxes(b, -1, -2) if self.transpose_b else b
        return converted(product_of(left, right, self.sum_dtype), self.y.type.dtype)

    def flops(self) -> Dim:
        return self.y.type.elements * self.extents[2] * 2


OPS = (Matmul,)
