"""Products of quantized matrices with a float result; the first operand may be quantized dynamically.

MatMulIntegerToFloat(a, b) => dequantize(a) dequantize(b) + bias
"""

from __future__ import annotations

from ....dialects.core.dtypes import F32
from ....dialects.graph.binary import Add
from ..call import Call, Outcome
from ..ops_contraction import multiplied
from ..ops_integer import dynamically_quantized
from ..problems import Malformed
from ..scales import ImportedScaling, dequantized, read_dequantized
from ..tensor import Tensor
from .form import OwnOps, op


def _integer_to_float(call: Call) -> Outcome:
    a, _ = read_dequantized(call, 0, axis=max(call.input(0).rank - 1, 0), scale_at=2, zero_at=4)
    return _product(call, a, scale_at=3, zero_at=5, bias=6)


def _dynamic(call: Call) -> Outcome:
    """The first operand, quantized to u8 over its range, which is computed at run time."""
    given = call.input(0)
    if given.dtype != F32:
        raise Malformed(f"its input 0 is {given.type}, floats of 32 bits are expected")
    q, scale, zero = dynamically_quantized(call, given)
    a = dequantized(call, q, ImportedScaling(scale, zero))
    return _product(call, a, scale_at=2, zero_at=3, bias=4)


def _product(call: Call, a: Tensor, *, scale_at: int, zero_at: int, bias: int) -> Tensor:
    """A times input 1, which may have one scale per column, plus input BIAS."""
    columns = max(call.input(1).rank - 1, 0)
    b, _ = read_dequantized(call, 1, axis=columns, scale_at=scale_at, zero_at=zero_at)
    y, added = multiplied(call, a, b), call.optional(bias)
    return y if added is None else call.emit(Add, y, added)


TABLE: OwnOps = {
    "DynamicQuantizeMatMul": op(_dynamic, 3, 5),
    "MatMulIntegerToFloat": op(_integer_to_float, 4, 7),
}
