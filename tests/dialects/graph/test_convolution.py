"""Convolutions: definitions against numpy, numpy against ONNX Runtime, symbolic shapes, errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, I8, I32, U8, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.convolution import Conv, ConvTranspose
from glassrt.errors import IRError
from glassrt.testing.op_checks import assert_close, build, check_op, evaluated
from glassrt.testing.strategies import dtypes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ...property.onnx_runs import run_onnx

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(7)


@dataclass(frozen=True)
class Case:
    """Operand shapes and attributes of a convolution."""

    x: tuple[int, ...]
    w: tuple[int, ...]
    attributes: dict[str, Any]


@st.composite
def cases(draw: DrawFn, *, transposed: bool = False, most: int = 3, negative: bool = True) -> Case:
    rank = draw(st.integers(1, most))
    side = 6 if rank < 3 else 4

    def each(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    groups, share, out_share = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    window, dilations, strides = each(1, 3), each(1, 2), each(1, 3)
    pads = each(-1 if negative else 0, 2, 2 * rank)
    spans = [d * (k - 1) + 1 for k, d in zip(window, dilations, strict=True)]
    sizes = each(1, side)
    if not transposed:
        room = [span - pads[i] - pads[i + rank] for i, span in enumerate(spans)]
        kept = [max(-pads[i], 0) + max(-pads[i + rank], 0) + 1 for i in range(rank)]
        sizes = [max(low, keep, size) for low, keep, size in zip(room, kept, sizes, strict=True)]
        return Case(
            (draw(st.integers(1, 2)), groups * share, *sizes),
            (groups * out_share, share, *window),
            {"strides": strides, "dilations": dilations, "pads": pads, "groups": groups},
        )
    # ONNX Runtime wants the extra elements to be fewer than the stride.
    limits = [max(s, d) if negative else s for s, d in zip(strides, dilations, strict=True)]
    extra = [draw(st.integers(0, limit - 1)) for limit in limits]
    for axis in range(rank):
        lowest = pads[axis] + pads[axis + rank] + 1 - spans[axis] - extra[axis]
        sizes[axis] = max(sizes[axis], 1 + -(-lowest // strides[axis]))
    return Case(
        (draw(st.integers(1, 2)), groups * share, *sizes),
        (groups * share, out_share, *window),
        {
            "strides": strides,
            "dilations": dilations,
            "pads": pads,
            "groups": groups,
            "output_padding": extra,
        },
    )


def operands(case: Case, dtype: DType = F32) -> list[Array]:
    if dtype.is_integer:
        return [RANDOM.integers(-9, 10, shape).astype(dtype.numpy) for shape in (case.x, case.w)]
    return [RANDOM.standard_normal(shape).astype(dtype.numpy) for shape in (case.x, case.w)]


def onnx_attributes(case: Case) -> dict[str, Any]:
    renamed = {key: value for key, value in case.attributes.items() if key != "groups"}
    return {**renamed, "group": case.attributes["groups"], "kernel_shape": case.w[2:]}


@settings(max_examples=30)
@given(cases(most=2), dtypes(F32, F64, F16, BF16, I32))
def test_conv_definition_is_numpy(case: Case, dtype: DType) -> None:
    check_op(Conv, operands(case, dtype), **case.attributes)


@given(cases(negative=False))
def test_conv_is_onnx(case: Case) -> None:
    arrays = operands(case)
    result = evaluated(build(Conv, arrays, **case.attributes), arrays)
    assert_close(result, run_onnx("Conv", arrays, **onnx_attributes(case)), F32)


@settings(max_examples=30)
@given(cases(transposed=True, most=2), dtypes(F32, F64, F16, BF16, I32))
def test_conv_transpose_definition_is_numpy(case: Case, dtype: DType) -> None:
    check_op(ConvTranspose, operands(case, dtype), **case.attributes)


@given(cases(transposed=True, negative=False))
def test_conv_transpose_is_onnx(case: Case) -> None:
    arrays = operands(case)
    result = evaluated(build(ConvTranspose, arrays, **case.attributes), arrays)
    assert_close(result, run_onnx("ConvTranspose", arrays, **onnx_attributes(case)), F32)


@pytest.mark.parametrize(("op", "w"), [(Conv, (4, 3, 3, 3)), (ConvTranspose, (3, 4, 3, 3))])
def test_accumulating_in_another_type(op: Any, w: tuple[int, ...]) -> None:
    arrays = [RANDOM.standard_normal(shape).astype(np.float16) for shape in ((1, 3, 5, 5), w)]
    built = build(op, arrays, accumulate=F32, pads=[1, 1, 1, 1])
    assert built.result.type.dtype == F32
    check_op(op, arrays, accumulate=F32, pads=[1, 1, 1, 1])
    exact = evaluated(
        build(op, [a.astype(np.float64) for a in arrays], pads=[1, 1, 1, 1]),
        [a.astype(np.float64) for a in arrays],
    )
    np.testing.assert_allclose(evaluated(built, arrays), exact, rtol=1e-4, atol=1e-5)


def test_symbolic_shapes() -> None:
    n, h = symbol("N"), symbol("H")
    block = Block()
    x = block.add_argument(TensorType((n, 6, h, 2 * h), F32))
    w = block.add_argument(TensorType((8, 3, 3, 3), F32))
    conv = Conv(x, w, groups=2, strides=[2, 1], pads=[1, 1, 1, 1])
    assert [str(size) for size in conv.y.type.shape] == ["N", "8", "floordiv(H+1, 2)", "2*H"]
    assert conv.flops() == conv.y.type.elements * 54
    up = ConvTranspose(conv.y, block.add_argument(TensorType((8, 5, 2, 2), F32)), strides=[2, 2])
    assert [str(size) for size in up.y.type.shape] == ["N", "5", "2*floordiv(H+1, 2)", "4*H"]
    assert up.flops() == conv.y.type.elements * 40


def test_lists_left_empty_are_complete_afterwards() -> None:
    arrays = [np.zeros((1, 2, 5, 5), np.float32), np.zeros((3, 2, 3, 3), np.float32)]
    op = build(Conv, arrays)
    assert (op.attributes["strides"], op.attributes["dilations"]) == ((1, 1), (1, 1))
    assert op.attributes["pads"] == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("x", "w", "attributes", "message"),
    [
        ((1, 4, 5, 5), (2, 3, 3, 3), {}, "4 channels"),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, "do not split into 2 groups"),
        ((1, 4, 5, 5), (2, 4, 7, 3), {}, "does not fit"),
        ((1, 4, 5, 5), (2, 4, 3, 3), {"strides": [2]}, "strides"),
        ((1, 4, 5, 5), (2, 4, 3, 3), {"dilations": [0, 1]}, "dilations"),
        ((1, 4, 5, 5), (2, 4, 3, 3), {"pads": [1, 1]}, "pads"),
        ((1, 4, 5, 5), (2, 4, 3), {}, "dimensions"),
        ((4, 5), (2, 4), {}, "dimensions"),
        ((1, 4, 5, 5), (2, 4, 3, 3), {"groups": 0}, "groups"),
    ],
)
def test_convolutions_that_do_not_fit(
    x: tuple[int, ...], w: tuple[int, ...], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(IRError, match=message):
        build(Conv, [np.zeros(x, np.float32), np.zeros(w, np.float32)], **attributes)


@given(case=cases(), kinds=st.tuples(dtypes(I8, U8), dtypes(I8, U8)))
def test_bytes_of_any_two_kinds_add_up_in_i32(case: Case, kinds: tuple[DType, DType]) -> None:
    arrays = [
        RANDOM.integers(0, 256, shape).astype(np.uint8).view(kind.numpy)
        for shape, kind in zip((case.x, case.w), kinds, strict=True)
    ]
    check_op(Conv, arrays, accumulate=I32, **case.attributes)
