"""Rows that bulk copies cannot access lie further apart, where that pays, and hold the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.families.registry import families
from glassrt.compiler.memory.views.row_pitches import lengthened, padded_rows
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, Layout, TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.launch_memory import Buffer
from glassrt.testing.net import Net

from ....property.concat_graphs import SEPARATE, lowered
from .launched import apart, launches, records, runs_on_host

RULE = "pad-rows"
N = symbol("N")


@pytest.mark.parametrize(
    ("shape", "dtype", "layout", "padded"),
    [
        ((N, 24, 7, 7), I8, channels_last(4), (N, 32, 7, 7)),
        ((5, 12, 7, 7), F16, channels_last(4), (5, 16, 7, 7)),
        ((5, 12), F16, ROW_MAJOR, (5, 16)),
        ((24, 40, 1, 1), I8, channels_last(4), (24, 48, 1, 1)),  # weights
        ((5, 24, 7, 7), F16, channels_last(4), None),  # at multiples of 16 bytes
        ((5, 6, 7, 7), I8, channels_last(4), None),  # more than twice as long
        ((5, N), I8, ROW_MAJOR, None),
        ((24, 1, 1), F32, ROW_MAJOR, None),  # a vector
        ((5, 24), I8, Layout((), (30, 1)), None),
    ],
)
def test_rows_that_are_lengthened(
    shape: tuple[int, ...], dtype: DType, layout: Layout, padded: tuple[int, ...] | None
) -> None:
    found = padded_rows(TensorType(shape, dtype, layout))
    assert found == (None if padded is None else TensorType(padded, dtype, layout))


def test_weights_get_zeros_behind_their_rows() -> None:
    array = np.arange(48, dtype=np.int8).reshape(2, 24, 1, 1) + 1
    found = lengthened(array, TensorType((2, 32, 1, 1), I8, channels_last(4)))
    assert found.shape == (2, 32, 1, 1) and found.dtype == np.int8
    assert np.array_equal(found[:, :24], array) and not found[:, 24:].any()


def inverted(channels: int = 12, size: int = 1, images: int = 2048) -> Module:
    """A block whose ends have few CHANNELS, read by a window of SIZE, and a residual; of too many IMAGES for
    the interpreter to run behind every pass."""
    net = Net()
    x = net.input("x", net.symbol("N", 3, images, images), 64, 6, 6)
    first = net.conv(x, channels, 1)
    second = net.add(Add, first, net.conv(net.add(Relu, net.conv(first, 64, size)), channels, 1))
    return net.done(net.conv(net.add(Relu, net.conv(second, 64, 1)), 64, 1))


def strided(module: Module) -> list[Value]:
    """The results of kernels of MODULE, in order, that lie apart."""
    return [value for kernel in launches(module) for value in kernel.writes if not value.type.layout.is_dense]


def test_kernels_that_copy_in_bulk_run_then() -> None:
    launch, context = apart(inverted(), "fp16", "ir")
    assert [verdict for verdict, _ in records(context, RULE)].count("taken") == 2
    assert [value.type.strides for value in strided(launch)] == [(576, 1, 96, 16)] * 2
    readers = [kernel for kernel in launches(launch) if not kernel.reads[0].type.layout.is_dense]
    # As kernels do that copy in bulk.
    assert [families()[kernel.family].turns for kernel in readers] == [True] * 2
    assert [kernel.reads[1].type.strides[0] for kernel in readers] == [16, 16]
    weights = [op for op in launch.main.block if isinstance(op, Buffer) and op.space == "weights"]
    shapes = [op.result.type.shape for op in weights if op.result.type.rank == 4]
    assert shapes.count((64, 16, 1, 1)) == 2
    runs_on_host(launch, ("minimum",))


def test_it_can_be_switched_off() -> None:
    launch, context = lowered(inverted(), "fp16", disabled=SEPARATE | {RULE}, verify="ir")
    assert {verdict for verdict, _ in records(context, RULE)} == {"disabled"} and not strided(launch)


def test_rows_of_windows_stay_as_they_are() -> None:
    """The taps of weights lie one behind the other."""
    launch, context = apart(inverted(size=3), "fp16", "ir")
    first = records(context, RULE)[0]
    assert first[0] == "refused"
    runs_on_host(launch, ("minimum",))


def test_other_rows_are_left_alone() -> None:
    launch, context = apart(inverted(channels=16), "fp16", "ir")
    assert not records(context, RULE) and not strided(launch)


def test_what_saves_no_time_is_refused() -> None:
    launch, context = apart(inverted(images=3), "fp16")
    assert {verdict for verdict, _ in records(context, RULE)} == {"refused"} and not strided(launch)


def test_outputs_are_dense() -> None:
    net = Net()
    x = net.input("x", net.symbol("N", 3, 1024, 1024), 64, 6, 6)
    module = net.done(net.conv(x, 12, 1))
    launch, _ = apart(module, "fp16", "ir")
    assert launch.main.returned[0].type.layout.is_dense
