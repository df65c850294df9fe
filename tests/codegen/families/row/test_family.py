"""Reductions whose rows several blocks share: the same numbers as in one block, and when it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BOOL, F16, F32, F64, I8, I32, I64, U8
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul, Sub
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.reduction import ArgReduce, Reduce
from glassrt.dialects.graph.unary import Abs, Log, Sqrt
from glassrt.runtime.engine import Engine
from glassrt.runtime.host_backend import HostBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from ...one_kernel import Array, compare, draw_inputs, kernel_module, plan_of
from ...requests import request_for
from .reductions import SYMBOLS, chosen, one, split_by, tensor

ORDERS: tuple[Any, ...] = ("forward", "reverse", ("seeded", 1), ("seeded", 2))
EXTREMES = ("max", "min", "argmax", "argmin", "any", "all")


def outcomes(module: Module, inputs: dict[str, Array], choose: Callable[[Request], Candidate]) -> list[Any]:
    """The outputs on the host, the same to the bit in every order of blocks and with the counters of
    the run before."""
    plan = plan_of(module, choose)
    found = []
    for order in ORDERS:
        with Engine(plan, HostBackend(order)) as engine:
            found += [engine.run(inputs) for _ in range(2)]
    for other in found[1:]:
        for name, array in found[0].items():
            np.testing.assert_array_equal(other[name], array)
    return [found[0][name] for name in module.main.outputs]


def bound(kind: str, x: Array, want: Array, axis: int) -> Array:
    """How far a result may be from WANT: rounding of f32 sums over all of AXIS, and of the result."""
    wide = np.abs(x.astype(np.float64))
    length = x.shape[axis]
    unit = np.finfo(np.float64 if x.dtype == np.float64 else np.float32).eps / 2
    own = np.finfo(want.dtype).eps / 2 * 4 * np.maximum(np.abs(want.astype(np.float64)), 1e-4)
    sums = wide.sum(axis, keepdims=True)
    scale = 2 * np.sqrt(length) * unit
    match kind:
        case "mean":
            return own + scale * sums / length
        case "prod":
            return own + 2 * length * unit * np.abs(want.astype(np.float64))
        case "l2":
            return own + scale * np.abs(want.astype(np.float64))
        case "logsum":
            return own + scale
    return own + scale * sums


def agree(kinds: Sequence[str], got: Sequence[Array], want: Sequence[Array], x: Array, axis: int) -> None:
    for kind, ours, theirs in zip(kinds, got, want, strict=True):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        if kind in EXTREMES or ours.dtype.kind != "f":
            np.testing.assert_array_equal(ours, theirs, err_msg=kind)
        else:
            error = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
            assert np.all(error <= bound(kind, x, theirs, axis)), kind


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[str], TensorType, int, dict[str, int]]:
    """Kinds, the operand's type with fixed and symbolic sizes, the axis, and the symbols' values."""
    dtype = draw(st.sampled_from([F32, F32, F16, F64, I32, I64, I8, U8, BOOL]))
    if dtype == BOOL:
        kinds = ["any", "all"]
    else:
        kinds = ["sum", "max", "min", "argmax", "argmin"]
        kinds += ["mean", "prod", "l1", "l2", "logsum"] if dtype.is_float else ["prod"]
        kinds = draw(st.lists(st.sampled_from(kinds), min_size=2, max_size=4, unique=True))
    sizes = {"N": draw(st.integers(1, 9)), "L": draw(st.integers(1, 2000))}
    rows: Any = draw(st.sampled_from([1, 5, symbol("N")]))
    length: Any = draw(st.sampled_from([sizes["L"] + 31, symbol("L")]))
    axis = draw(st.integers(0, 1))
    return kinds, tensor(*((rows, length) if axis else (length, rows)), dtype=dtype), axis, sizes


@settings(max_examples=10, deadline=None)
@given(
    problem=problems(),
    splits=st.integers(2, 37),
    workers=st.sampled_from([0, 8, 32, 64]),
    seed=st.integers(0, 99),
)
def test_any_reduction_is_the_same_in_any_number_of_blocks(problem, splits, workers, seed):
    kinds, type, axis, sizes = problem
    module = kernel_module(
        lambda do, x: tuple(one(do, kind, x, axis) for kind in kinds), [type], None, SYMBOLS
    )
    inputs = draw_inputs(module, np.random.default_rng(seed), sizes)
    if "prod" in kinds and type.dtype.is_float:
        inputs["x0"] = (1 + inputs["x0"] / 64).astype(type.dtype.numpy)
    got = outcomes(module, inputs, split_by(splits, workers))
    want = interpret(module, inputs)
    agree(kinds, got, [want[name] for name in module.main.outputs], inputs["x0"], axis)


@pytest.mark.parametrize("place", ["nan", "equal", "infinite", "negative zero"])
def test_positions_are_those_of_the_first_extreme(place):
    x = np.random.default_rng(3).standard_normal((2, 900)).astype(np.float32)
    match place:
        case "nan":
            x[0, [211, 640]] = np.nan
        case "equal":
            x[:, 100::7] = 9.0
            x[:, 103::7] = -9.0
        case "infinite":
            x[:] = -np.inf
        case "negative zero":
            x[:] = 0.0
            x[0, :450] = -0.0
    kinds = ["argmax", "argmin"]
    module = kernel_module(lambda do, x: tuple(one(do, kind, x, 1) for kind in kinds), [tensor(2, 900)])
    for choose in (split_by(6), lambda request: families()["row"].propose(request)[0]):
        got = outcomes(module, {"x0": x}, choose)
        np.testing.assert_array_equal(got[0], np.argmax(x, 1, keepdims=True))
        np.testing.assert_array_equal(got[1], np.argmin(x, 1, keepdims=True))


def test_work_before_and_after_the_reduction_and_several_axes():
    def body(do, x, y):
        total = do(Reduce(do(Relu(do(Sub(x, y)))), kind="mean", axes=[1, 3], keepdims=False))
        return do(Add(total, total)), do(Log(do(Add(do(Abs(total)), do(Abs(total))))))

    module = kernel_module(body, [tensor(symbol("N"), 12, 2, 50), tensor(12, 1, 1)], None, SYMBOLS)
    inputs = draw_inputs(module, np.random.default_rng(1), {"N": 4})
    got = outcomes(module, inputs, split_by(7))
    for ours, theirs in zip(got, interpret(module, inputs).values(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=2e-6)


def network(name: str) -> onnx.ModelProto:
    """-NAME of the rows of x, which are long; of exp(x) for the mean."""
    helper = onnx.helper
    nodes = [
        helper.make_node("Exp" if name == "ReduceMean" else "Identity", ["x"], ["e"]),
        helper.make_node(name, ["e", "axes"], ["m"], keepdims=0),
        helper.make_node("Neg", ["m"], ["y"]),
    ]
    rows = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 1 << 17])
    means = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N"])
    axes = onnx.numpy_helper.from_array(np.array([1], np.int64), "axes")
    graph = helper.make_graph(nodes, "long", [rows], [means], [axes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("name", ["ReduceMean", "ReduceLogSumExp"])
def test_a_network_with_a_long_reduction_builds_and_runs(name):
    """Through every pass, the proof of the launch text among them; the maximum that is subtracted before
    the sum of powers is a kernel of its own, and some blocks see nothing but -inf."""
    plan = glassrt.compile(network(name), target="host", shapes={"N": (1, 2, 3)})
    launches = [line for line in plan.ir("launch").splitlines() if "launch.kernel" in line]
    assert sum("splits" in line for line in launches) == (1 if name == "ReduceMean" else 2)
    with Engine(plan, "host") as engine:
        for rows in (1, 3, 2):
            x = np.random.default_rng(0).standard_normal((rows, 1 << 17)).astype(np.float32)
            x[:, 1000:90_000] = -np.inf
            powers = np.exp(x.astype(np.float64))
            want = -powers.mean(1) if name == "ReduceMean" else -np.log(powers.sum(1))
            np.testing.assert_allclose(engine.run({"x": x})["y"], want, rtol=1e-6)


# ---------------------------------------------------------------- which kernels are chosen


# ---------------------------------------------------------------- the text


def test_emitted_split_reduction_is_pinned_and_compiles(golden):
    def body(do, x):
        wide = do(Cast(x, to=F32))
        total = do(Reduce(wide, kind="mean", axes=[1], keepdims=True))
        squares = do(Reduce(do(Mul(wide, wide)), kind="sum", axes=[1], keepdims=True))
        return (
            total,
            do(Sqrt(squares)),
            do(ArgReduce(x, kind="max", axis=1, keepdims=True, select_last=False)),
        )

    module = kernel_module(body, [tensor(symbol("N"), 1 << 20, dtype=F16)], None, SYMBOLS)
    plan = plan_of(module, None, (REFERENCE,))
    (source,) = plan.sources.values()
    assert source == golden.at("three_reductions.cu")


@pytest.mark.parametrize("dtype", [F64, I8, I64, BOOL], ids=str)
def test_split_reductions_of_other_types_compile(dtype):
    kinds = ["any", "all"] if dtype == BOOL else ["sum", "max", "argmin"]
    module = kernel_module(
        lambda do, x: tuple(one(do, kind, x, 0) for kind in kinds), [tensor(1 << 20, 3, dtype=dtype)]
    )
    assert "splits" in chosen(lambda do, x: one(do, kinds[0], x, 0), tensor(1 << 20, 3, dtype=dtype)).config
    plan_of(module, None, (REFERENCE,))


def beside(lanes: int) -> Callable[[Request], Candidate]:
    """The row family with LANES adjacent rows a thread."""

    def choose(request: Request) -> Candidate:
        found = [c for c in families()["row"].propose(request) if c.config.get("lanes") == lanes]
        return replace(found[0], config=found[0].config | {"rows": 8}) if found else candidates(request)[0]

    return choose


@pytest.mark.parametrize(
    ("channels", "dtype", "lanes"), [(40, F16, 8), (12, F16, 4), (40, F32, 4), (6, F32, 2), (48, I8, 16)]
)
def test_a_thread_may_have_adjacent_rows(channels: int, dtype: Any, lanes: int) -> None:
    """Two independent reductions over an image of channels last; the last block has too few rows."""

    def body(do: Any, x: Any) -> Any:
        wide = do(Cast(x, to=F32))
        reduced = [
            do(Reduce(y, kind=kind, axes=[2, 3])) for kind, y in (("mean", wide), ("max", do(Abs(wide))))
        ]
        y = do(Add(*reduced))
        y.type = y.type.with_layout(channels_last(4))
        return y

    x = TensorType((3, channels, 7, 5), dtype, channels_last(4))
    module = kernel_module(body, [x], None, SYMBOLS)
    found: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        found.append(beside(lanes)(request))
        return found[-1]

    [(got, want)] = compare(module, draw_inputs(module, np.random.default_rng(2)), choose)
    assert found[-1].config["lanes"] == lanes
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def mean(do: Any, x: Any) -> Any:
    y = do(Reduce(do(Cast(x, to=F32)), kind="mean", axes=[2, 3]))
    y.type = y.type.with_layout(channels_last(4))
    return y


@pytest.mark.parametrize(("images", "alone"), [(128, False), (1, True)])
def test_adjacent_rows_share_a_thread_where_there_are_many(images: int, alone: bool) -> None:
    found = request_for(
        lambda do, x: [mean(do, x)], [TensorType((images, 1280, 7, 7), F16, channels_last(4))]
    )
    assert ("lanes" not in candidates(found)[0].config) == alone


def test_rows_that_need_each_other_have_no_company() -> None:
    def deviation(do: Any, x: Any) -> Any:
        return [mean(do, do(Abs(do(Sub(x, mean(do, x))))))]

    found = request_for(deviation, [TensorType((128, 64, 7, 7), F32, channels_last(4))])
    assert all("lanes" not in candidate.config for candidate in candidates(found))
