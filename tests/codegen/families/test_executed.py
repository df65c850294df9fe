"""The format in which a kernel computes."""

from __future__ import annotations

from glassrt.codegen.families.executed import drop_rounding, executed
from glassrt.dialects.core.dtypes import F16, F32, I8, TF32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Reshape

from ..requests import request_for

SQUARE = TensorType((4, 4), F32)


def test_of_a_contraction_it_is_that_of_its_operands_as_multiplied() -> None:
    region = request_for(lambda do, x, y: [do(Relu(do(Matmul(x, y, multiply=TF32))))], [SQUARE] * 2).region
    assert executed(region, rounds_operands=True) == TF32 and executed(region) == F32
    assert drop_rounding(region) and not drop_rounding(region)
    assert executed(region, rounds_operands=True) == F32


def test_of_others_it_is_the_widest_float_that_an_op_computes() -> None:
    half = TensorType((4,), F16)
    wide = request_for(lambda do, x: [do(Cast(do(Relu(do(Cast(x, to=F32)))), to=F16))], [half])
    assert executed(wide.region) == F32
    casts = request_for(lambda do, x: [do(Cast(do(Cast(x, to=F32)), to=I8))], [half])
    assert executed(casts.region) == I8
    moves = request_for(lambda do, x: [do(Reshape(x, shape=[2, 2]))], [half])
    assert executed(moves.region) == F16
    both = request_for(lambda do, x: [do(Relu(x)), do(Relu(do(Cast(x, to=F32))))], [half])
    assert executed(both.region) == F32
