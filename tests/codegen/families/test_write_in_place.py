"""Writes in place: loop kernels that touch only what is new."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import PrecisionPolicy, load
from glassrt.compiler.api import compile
from glassrt.dialects.core.dtypes import F16, F32, I32, I64, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.sequences import WriteCache
from glassrt.testing.net import Net

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
BATCH, HEADS, ROOM, FEATURES = 3, 2, 7, 8
STARTS = [[0, 3, 6], [6, 7, -2], [-1, 100, 2]]


def module_of(update: int, circular: bool, dtype: DType, starts: DType) -> Module:
    """A cache [batch, heads, room, features] with twice x written, and its sums."""
    net = Net()
    past = net.input("past", BATCH, HEADS, ROOM, FEATURES, dtype=dtype)
    x = net.input("x", BATCH, HEADS, update, FEATURES, dtype=dtype)
    at = net.input("at", BATCH, dtype=starts)
    present = net.add(WriteCache, past, net.add(Add, x, x), at, axis=2, circular=circular)
    return net.done(present, net.add(Reduce, present, kind="sum", axes=[2], keepdims=False))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("update", "circular", "dtype", "starts"),
    [(1, False, F32, I64), (3, False, F16, I32), (2, True, F32, I64), (1, True, F16, I64)],
)
def test_a_cache_is_what_the_interpreter_gives(
    update: int, circular: bool, dtype: DType, starts: DType, device: str
) -> None:
    module = module_of(update, circular, dtype, starts)
    present, sums = module.main.outputs
    plan = compile(
        module,
        target="host" if device == "host" else None,
        precision=PrecisionPolicy("fp32" if dtype == F32 else "fp16"),
        in_place={present: "past"},
    )
    assert plan.spec.in_place == {present: "past"}
    rng = np.random.default_rng(0)
    with load(plan, device) as engine:
        for numbers in STARTS:
            past, x = (
                rng.integers(-8, 9, (BATCH, HEADS, count, FEATURES)).astype(dtype.numpy)
                for count in (ROOM, update)
            )
            given = {"past": past, "x": x, "at": np.array(numbers, starts.numpy)}
            want = interpret(module_of(update, circular, dtype, starts), given)
            have = engine.run(given)
            assert have[present] is past
            np.testing.assert_array_equal(past, want[present])
            np.testing.assert_array_equal(np.asarray(have[sums]), want[sums])


def test_a_kernel_goes_over_what_is_new() -> None:
    module = module_of(1, False, F32, I64)
    name = module.main.outputs[0]
    plan = compile(module, target="host", in_place={name: "past"})
    (source,) = (text for text in plan.sources.values() if "write_cache" in text.splitlines()[0])
    assert f"if (element >= {BATCH * HEADS * FEATURES}) return;" in source
    assert "add, write_cache" in source  # x is doubled where it is written
