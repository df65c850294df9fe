"""Products with packed weights of 4 or 8 bits, and these weights as floats; `block_format.py` says how they
lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, DTYPE, INT
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import BF16, F16, F32, F64, I32, U8, U16, U32, U64, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import PLAIN_MS, GraphOp, same_shape
from .block_format import BlockFormat
from .contraction import multiply_add, product_of
from .formula import Term
from .numeric import compute_dtype, converted

FLOATS = (F16, BF16, F32, F64)


class PackedOp(GraphOp):
    """Base class: an op that reads packed weights `w`, of `columns` columns of the result.

    bits, block, scale_bits, shifted: those of `BlockFormat`.
    """

    columns = attribute(INT)
    bits = attribute(INT, 4)
    block = attribute(INT, 32)
    scale_bits = attribute(INT, 16)
    shifted = attribute(BOOL, False)

    @property
    def packed(self) -> Value:
        """The packed weights."""
        return self.inputs[-1]

    @property
    def format(self) -> BlockFormat:
        return BlockFormat(self.bits, self.block, self.scale_bits, self.shifted)

    @property
    def steps(self) -> Dim:
        """The extent of k."""
        raise NotImplementedError

    def check_weights(self) -> None:
        """Raise a located IRError unless the weights have the type that the attributes say."""
        fault = self.format.fault()
        if fault is not None:
            raise op_error(self, fault, at=AttributeAt("bits" if "bits" in fault else "block"))
        if self.columns < 1:
            raise op_error(self, "it has no columns", at=AttributeAt("columns"))
        w, at = self.packed.type, operand_at(self, self.packed)
        if w.dtype != U64:
            raise op_error(self, f"packed weights are u64, not {w.dtype}", at=at)
        wanted = self.format.shape(self.columns, self.steps)
        message = f"the packed weights are {w}, [{', '.join(map(str, wanted))}] is expected"
        same_shape(self, wanted, w.shape, message, at)

    def element(self, scalars: Scalars, column: Dim, k: Dim) -> Term:
        """The weight of COLUMN and K, in f32."""
        form = self.format

        def bits(place: tuple[Dim, Dim, Dim, Dim], count: int, dtype: DType) -> Term:
            *at, low = place
            word = Term(scalars, scalars.load(self.packed, at))
            shift = Term(scalars, scalars.index_value(low, U64))
            return word.call("shr", shift).call("bitand", (1 << count) - 1).cast(dtype)

        def field(number: int) -> Term:
            wide = U16 if form.scale_bits == F16.bits else U32
            stored = bits(form.field(column, k, number), form.scale_bits, wide)
            return Term(scalars, scalars.bit_cast(stored.expr, form.scale)).cast(F32)

        number = bits(form.place(column, k), form.bits, U8).cast(I32) - form.middle
        value = number.cast(F32)
        return (value + field(1) if form.shifted else value) * field(0)

    def weights(self, words: Array, depth: int) -> Array:
        """What WORDS stand for: f64 [columns, DEPTH]."""
        return self.format.unpacked(words, self.columns, depth)


@define_op(Trait.ENCODING)
class UnpackWeights(PackedOp):
    """Packed weights w as floats [columns, depth]."""

    name = "graph.unpack_weights"
    compile_ms: ClassVar[float] = PLAIN_MS
    w = operand()
    depth = attribute(INT)
    to = attribute(DTYPE)
    y = result()

    @property
    def steps(self) -> Dim:
        return self.depth  # type: ignore[no-any-return]

    def infer(self) -> Sequence[TensorType]:
        if self.to not in FLOATS:
            raise op_error(self, f"weights as {self.to}", at=AttributeAt("to"))
        self.check_weights()
        return [TensorType((self.columns, self.depth), self.to)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        return self.element(scalars, *index).cast(self.to).expr

    def evaluate(self, evaluation: Evaluation, w: Any) -> Array:
        return self.unpacked(w)

    def unpacked(self, words: Array) -> Array:
        """The floats that WORDS stand for."""
        values = self.weights(words, self.depth)
        return converted(values if self.to == F64 else values.astype(np.float32), self.to)

    def flops(self) -> Dim:
        return self.y.type.elements * 2


@define_op(Trait.CONTRACTION)
class PackedMatmul(PackedOp):
    """The matrix product of a [.., M, K] and packed weights w of K steps: [.., M, columns].

    Weights are not rounded. With `accumulate` the result has that type, as in `Matmul`.
    """

    name = "graph.packed_matmul"
    a = operand()
    w = operand()
    accumulate = attribute(DTYPE, None)
    y = result()

    @property
    def steps(self) -> Dim:
        return self.a.type.shape[-1]

    @property
    def sum_dtype(self) -> DType:
        """The type of the accumulator."""
        return self.accumulate or compute_dtype(self.a.type.dtype)

    def infer(self) -> Sequence[TensorType]:
        a = self.a.type
        if a.rank < 2:
            raise op_error(self, "its operand needs at least two dimensions", "reshape vectors to matrices")
        if a.dtype not in FLOATS:
            message = f"its operand is of type {a.dtype}, a float is expected"
            raise op_error(self, message, at=operand_at(self, self.a))
        self.check_weights()
        return [TensorType((*a.shape[:-1], self.columns), self.accumulate or a.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        *row, column = index

        def body(variables: Index) -> Expr:
            (k,) = variables
            weight = self.element(scalars, column, k).expr
            return multiply_add(scalars, scalars.load(self.a, (*row, k)), weight, self.sum_dtype)

        return scalars.cast(scalars.reduce("sum", (self.steps,), body), self.y.type.dtype)

    def evaluate(self, evaluation: Evaluation, a: Any, w: Any) -> Array:
        weights = self.weights(w, a.shape[-1]).T
        return converted(product_of(a, weights, self.sum_dtype), self.y.type.dtype)

    def magnitudes(self, evaluation: Evaluation, a: Any, w: Any) -> Array:
        weights = np.abs(self.weights(w, a.shape[-1]).T)
        return converted(product_of(np.abs(a), weights, self.sum_dtype), self.y.type.dtype)

    def flops(self) -> Dim:
        return self.y.type.elements * self.steps * 2


OPS: tuple[type[Operation], ...] = (PackedMatmul, UnpackWeights)
