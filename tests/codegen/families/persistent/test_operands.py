"""Operands as bulk copies see them: maps and coordinates, and what no map describes."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.persistent.operands import BulkOperand, operand_a, operand_b
from glassrt.dialects.core.dtypes import F16, I8
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv

from ...contraction_cases import Case, case_of, conv, matmul


def both(case: Case) -> tuple[BulkOperand, BulkOperand]:
    a, b = operand_a(case.problem, case.op), operand_b(case.problem)
    assert not isinstance(a, str) and not isinstance(b, str)
    return a, b


def test_rows_of_a_product() -> None:
    a, b = both(matmul("f16", (300, 136), (200, 136), transpose_b=True))
    assert (a.dims, a.strides, a.k_major) == ((136, 300), (272,), True)
    assert a.map(0, 128).traversal.box == (64, 128) and a.copies(128) == 1
    assert (b.dims, b.strides) == ((136, 200), (272,))


def test_operands_that_lie_across() -> None:
    a, b = both(matmul("f16", (136, 200), (136, 128), transpose_a=True))
    assert (a.dims, a.strides, a.k_major) == ((200, 136), (400,), False)
    assert b.map(1, 128).traversal.box == (64, 64) and b.copies(128) == 2


def test_batches_that_one_operand_has() -> None:
    a, b = both(matmul("f16", (5, 70, 72), (5, 64, 72), transpose_b=True))
    assert a.dims == (72, 70, 5) and b.batch == (0,)
    shared = both(matmul("f16", (2, 5, 70, 72), (5, 72, 64)))
    assert shared[0].batch == (0, 1) and shared[1].batch == (1,) and len(shared[1].dims) == 3


def test_the_window_of_a_convolution() -> None:
    a, b = both(conv("f16", (2, 128, 9, 7), (72, 128, 3, 2), pads=(1, 2, 0, 3), stride=2))
    map = a.map(0, 64)
    assert map.dims == (128, 7, 9, 2) and map.strides == (256, 7 * 256, 63 * 256)
    traversal = map.traversal
    assert (traversal.lower, traversal.upper, traversal.steps) == ((-2, -1), (2, -2), (1, 2, 2, 1))
    assert traversal.box == (64, 64)
    assert b.taps and b.dims == (128, 6, 72) and b.map(1, 96).traversal.box == (64, 1, 96)


def test_a_slice_of_longer_rows() -> None:
    layout = Layout((0, 1), strides=(96, 1), offset=16)
    operands = (TensorType((100, 72), F16, layout), TensorType((40, 72), F16))
    case = case_of(Matmul, operands, "f16", transpose_a=False, transpose_b=True)
    a = both(case)[0]
    assert a.first == 16 and a.dims == (88, 100)  # nothing behind the slice is read


def test_the_last_line_of_a_tap_ends_with_zeros() -> None:
    """Nothing behind the channels of a pixel is read, nor behind those of a tap of the weights."""
    a, b = both(conv("f16", (2, 112, 9, 7), (72, 112, 3, 3), pad=1))
    assert a.dims == (112, 7, 9, 2) and a.map(0, 64).traversal.box == (64, 64)
    assert b.taps and b.dims == (112, 9, 72) and b.map(1, 96).traversal.box == (64, 1, 96)
    narrow = both(conv("f16", (2, 24, 9, 7), (72, 24, 3, 3), pad=1))
    assert [own.line for own in narrow] == [64, 64]
    assert narrow[1].taps and narrow[1].map(1, 96).traversal.box == (32, 1, 96)
    slice_ = both(pieces(16, 112))[0]
    assert slice_.first == 16 and slice_.dims == (128, 9, 9, 2)


def pieces(offset: int, channels: int) -> Case:
    """Channels from OFFSET on of a longer pixel."""
    dense = channels_last(4)
    layout = Layout(dense.order, strides=(9 * 9 * 256, 1, 9 * 256, 256), offset=offset)
    operands = (
        TensorType((2, channels, 9, 9), F16, layout),
        TensorType((64, channels, 3, 3), F16, channels_last(4)),
    )
    attributes = {"strides": (1, 1), "dilations": (1, 1), "pads": (1,) * 4, "groups": 1}
    return case_of(Conv, operands, "f16", **attributes)


def bytes_apart(channels: int) -> Case:
    """Pixels of CHANNELS bytes, 16 bytes apart."""
    layout = Layout(channels_last(4).order, strides=(9 * 9 * 16, 1, 9 * 16, 16))
    operands = (
        TensorType((2, channels, 9, 9), I8, layout),
        TensorType((64, channels, 3, 3), I8, channels_last(4)),
    )
    attributes = {"strides": (1, 1), "dilations": (1, 1), "pads": (1,) * 4, "groups": 1}
    return case_of(Conv, operands, "i32", **attributes)


def test_a_copy_reaches_no_further_than_as_many_channels_again() -> None:
    whole = bytes_apart(16)
    found = operand_a(whole.problem, whole.op)
    assert not isinstance(found, str) and found.map(0, 64).traversal.box == (32, 64)


def test_channels_of_longer_pixels() -> None:
    a = both(pieces(64, 128))[0]
    assert a.first == 64 and a.dims == (192, 9, 9, 2)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (matmul("f16", (64, 100), (64, 100), transpose_b=True), "multiples of 16 bytes"),
        (conv("f16", (1, 48, 9, 9), (16, 24, 3, 3), pad=1, groups=2), "more channels than a group"),
        (conv("f16", (1, 64, 9), (16, 64, 3), pad=1), "no stride of their own"),
        (conv("f16", (1, 64, 199, 199), (16, 64, 3, 3), pad=1, dilation=80), "corners"),
        (conv("f16", (1, 64, 99, 99), (16, 64, 1, 1), stride=9), "steps"),
        (pieces(192, 128), "first row"),
        (bytes_apart(12), "many more channels"),
    ],
    ids=["pitch", "group", "sequence", "far", "stride", "slice", "narrow"],
)
def test_what_no_map_describes_is_said(case: Case, reason: str) -> None:
    found = operand_a(case.problem, case.op)
    assert isinstance(found, str) and reason in found
