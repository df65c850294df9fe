"""Rows of joined tensors that are whole sectors, so that windows read few of these."""

from __future__ import annotations

import pytest
from glassrt.compiler.memory.views.joined_rows import LONGEST, respaced
from glassrt.compiler.memory.views.row_pitches import longer_rows
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, I8, DType
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, Layout, TensorType, channels_last
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.launch_memory import Buffer
from glassrt.testing.net import Net

from .launched import apart, launches, records, runs_on_host

RULE = "pad-rows"
N = symbol("N")


@pytest.mark.parametrize(
    ("shape", "dtype", "layout", "whole"),
    [
        ((N, 648, 14, 14), F16, channels_last(4), (N, 656, 14, 14)),
        ((5, 664), F16, ROW_MAJOR, (5, 672)),
        ((5, 336, 7, 7), I8, channels_last(4), (5, 352, 7, 7)),
        ((5, 656, 14, 14), F16, channels_last(4), None),  # whole sectors
        ((5, 120, 14, 14), F16, channels_last(4), None),  # more than a sixteenth longer
        ((5, N), F16, ROW_MAJOR, None),
        ((648,), F16, ROW_MAJOR, None),
    ],
)
def test_rows_that_are_lengthened(
    shape: tuple[int, ...], dtype: DType, layout: Layout, whole: tuple[int, ...] | None
) -> None:
    found = longer_rows(TensorType(shape, dtype, layout), 32, LONGEST)
    assert found == (None if whole is None else TensorType(whole, dtype, layout))


def test_parts_keep_their_place_in_a_row() -> None:
    part = TensorType((N, 112, 14, 14), F16, Layout((), (648 * 196, 1, 648 * 14, 648), 512))
    found = respaced(part, 648, 656)
    assert found is not None and found.layout == Layout((), (656 * 196, 1, 656 * 14, 656), 512)
    later = part.with_layout(Layout((), part.strides, 648 * 3 + 8))
    assert respaced(later, 648, 656) is None  # neither within the first row nor at the start of one
    assert respaced(part.with_layout(Layout((), (648 * 196, 1, 700, 648))), 648, 656) is None
    rows = symbol("H") * 648
    symbolic = respaced(TensorType((N, 4), F16, Layout((), (rows, 1))), 648, 656)
    assert symbolic is not None and symbolic.strides == (symbol("H") * 656, 1)


def joined(channels: int) -> Module:
    """A window over a part of a joined tensor, which a convolution reads whole."""
    net = Net()
    x = net.conv(net.input("x", net.symbol("N", 2, 64, 64), 16, 6, 6), 64, 1)
    first = net.conv(x, channels, 1)
    y = net.add(Concat, first, net.conv(first, 128, 3), axis=1)
    return net.done(net.conv(y, 16, 1))


def test_a_joined_tensor_has_whole_sectors() -> None:
    launch, context = apart(joined(136), "fp16")
    assert ("taken", "rows of the joined tensor are whole sectors of the L2 cache") in records(context, RULE)
    buffers = [op.result.type for op in launch.main.block if isinstance(op, Buffer)]
    assert any(type.shape[1:] == (272, 6, 6) for type in buffers if type.rank == 4)
    parts = [
        value.type for kernel in launches(launch) for value in kernel.writes if value.type.strides[-1] == 272
    ]
    assert [type.shape[1] for type in parts] == [136, 128]
    runs_on_host(launch, ("minimum",))


def test_other_joined_tensors_stay_as_they_are() -> None:
    launch, context = apart(joined(128), "fp16")
    assert not records(context, RULE)
    runs_on_host(launch, ("minimum",))
