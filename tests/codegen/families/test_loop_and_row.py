"""Loop and row kernels on the host device against the interpreter."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import LogSoftmax, Softmax
from hypothesis import given, settings
from hypothesis import strategies as st

from ..one_kernel import kernel_module, plan_of
from .checked_kernels import DEVICES, LOOPS, SYMBOLS, N, check, nhwc, tensor

ROWS = {
    "softmax": (lambda do, x: do(Softmax(x, axis=3)), [tensor(N, 3, 4, 100)], None),
    "softmax of channels": (lambda do, x: do(Softmax(x, axis=1)), [tensor(N, 40, 5, 5)], None),
    "log softmax": (lambda do, x: do(LogSoftmax(x, axis=1)), [tensor(N, 700)], None),
    "layer norm": (
        lambda do, x, s, b: do(LayerNorm(x, s, b, axis=2, epsilon=1e-5)),
        [tensor(N, 5, 64), tensor(64), tensor(64)],
        None,
    ),
    "global average": (
        lambda do, x: do(Reduce(x, kind="mean", axes=[2, 3], keepdims=True)),
        [nhwc(N, 48, 7, 7)],
        [tensor(N, 48, 1, 1)],
    ),
    "maximum of everything": (
        lambda do, x: do(Reduce(x, kind="max", axes=[0, 1, 2], keepdims=False)),
        [tensor(N, 30, 11)],
        None,
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ROWS)
def test_row_kernels_agree_with_the_interpreter(name, device):
    body, inputs, outputs = ROWS[name]
    check(body, inputs, outputs, "row", device)


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(1, 5),
    length=st.integers(8, 300),
    batch=st.integers(1, 16),
    half=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_softmax_of_any_shape(rows, length, batch, half, seed):
    dtype = F16 if half else F32

    def body(do, x):
        y = do(Softmax(do(Cast(x, to=F32)), axis=2))
        return do(Cast(y, to=dtype))

    check(body, [tensor(N, rows, length, dtype=dtype)], None, "row", batch=batch, seed=seed)


def test_kernel_names_and_sources_do_not_depend_on_value_names():
    body, inputs, _ = ROWS["layer norm"]
    plain = kernel_module(body, inputs, None, SYMBOLS)
    named = kernel_module(body, inputs, None, SYMBOLS)
    for op in named.walk():
        for value in op.results:
            value.hint = "x0; } /* hostile"
    assert plan_of(plain).sources == plan_of(named).sources


def test_emitted_loop_and_row_kernels_are_pinned(golden):
    for name, table in (("max pooling", LOOPS), ("layout change", LOOPS), ("layer norm", ROWS)):
        body, inputs, outputs = table[name]
        source = list(plan_of(kernel_module(body, inputs, outputs, SYMBOLS)).sources.values())[-1]
        assert source == golden.at(f"{name.replace(' ', '_')}.cu")
