"""Numbers in inputs that sizes depend on: what is read, where it lies, and what is said of wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import glassrt
import ml_dtypes
import numpy as np
import pytest
from glassrt.errors import InputError, PlanError
from glassrt.runtime import Engine, Plan
from glassrt.runtime.contents import FARTHEST, numbers_in
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from ..models import run_onnxruntime
from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, contents, engine_on
from .tiny_plans import affine, affine_plan, real_headers

# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8, np.uint64, np.uint8, ml_dtypes.int4])
def test_integers_are_read_as_they_are(dtype: Any) -> None:
    assert numbers_in(np.array([[1, 7], [0, 3]], dtype)) == [1, 7, 0, 3]


def test_numbers_that_no_size_reaches_are_limited() -> None:
    far = np.array([2**63 - 1, -(2**63), 2**31, -(2**31) - 1], np.int64)
    assert numbers_in(far) == [FARTHEST, -FARTHEST, FARTHEST, -FARTHEST]
    assert numbers_in(np.array([2**64 - 1], np.uint64)) == [FARTHEST]


@given(st.integers(-1000, 1000), st.integers(1, 1000))
def test_floats_are_read_as_the_simplest_fraction(over: int, under: int) -> None:
    for dtype in (np.float32, np.float64):
        found = numbers_in(np.array([over / under], dtype))
        assert found[0] * under == over * found[1] and found[1] <= under


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_every_float_type_is_read(dtype: Any) -> None:
    assert numbers_in(np.array([0.75, -3, 0], dtype)) == [3, 4, -3, 1, 0, 1]


@pytest.mark.parametrize("number", [np.nan, np.inf, 0.1234567, 1e-9])
def test_a_float_that_is_no_simple_fraction_is_refused(number: float) -> None:
    with pytest.raises(InputError, match="sizes depend on it"):
        numbers_in(np.array([number], np.float32))


# ---------------------------------------------------------------- plans that read inputs


def counted(manifest: dict[str, Any]) -> None:
    """Let an input n say of how many rows of x the plan makes its result."""
    manifest["symbols"] = {"N": [1, 8, 8]}
    manifest["inputs"] = [
        {"name": "x", "dtype": "f32", "shape": [8, 4]},
        {"name": "n", "dtype": "i32", "shape": [1]},
    ]
    manifest["contents"] = {"n": ["N"]}


@pytest.fixture(scope="module")
def rows() -> Plan:
    return affine_plan(counted, headers=real_headers())


def given_rows(count: int) -> dict[str, Any]:
    x = np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)
    return {"x": x, "n": np.array([count], np.int32)}


def test_the_result_is_as_large_as_an_input_says(rows: Plan) -> None:
    with Engine(rows, "host") as engine:
        for count in (1, 5, 8, 5):
            inputs = given_rows(count)
            np.testing.assert_array_equal(engine.run(inputs)["y"], affine(inputs["x"][:count]))
        assert len(engine._core.programs._cache) == 3


def test_a_number_on_the_device_is_copied_back(fake: FakeDriver, rows: Plan) -> None:
    engine = engine_on(fake, rows)
    for count in (3, 8):
        inputs = given_rows(count)
        y = engine.run({name: GpuTensor(array) for name, array in inputs.items()})["y"]
        np.testing.assert_array_equal(contents(y), affine(inputs["x"][:count]))
    assert "cuMemcpyDtoHAsync" in fake.log


@pytest.mark.parametrize(
    ("n", "message"),
    [
        (
            [9],
            r"'n\[0\]' is 9, outside its range 1\.\.8(?s:.*)'n': i32\[1\] = \[N\](?s:.*)int32\[1\] = \[9\]",
        ),
        ([1, 2], "input 'n' has the wrong shape"),
    ],
)
def test_what_an_input_may_not_hold(rows: Plan, n: list[int], message: str) -> None:
    with Engine(rows, "host") as engine, pytest.raises(InputError, match=message):
        engine.run({**given_rows(1), "n": np.array(n, np.int32)})


def held_apart(manifest: dict[str, Any]) -> None:
    """As `counted`, with a number that must be 3 and one that must be twice the count."""
    counted(manifest)
    manifest["inputs"][1]["shape"] = [3]
    manifest["contents"] = {"n": ["N", 3, ["*", "N", 2]]}


def test_what_an_input_must_hold() -> None:
    with Engine(affine_plan(held_apart, headers=real_headers()), "host") as engine:
        inputs = given_rows(2)
        inputs["n"] = np.array([2, 3, 4], np.int32)
        assert engine.run(inputs)["y"].shape == (2, 4)
        for wrong, message in (
            ([2, 2, 4], "holds 2, but number 1 must be 3"),
            ([2, 3, 5], "number 2 must be N*2"),
        ):
            with pytest.raises(InputError, match=message.replace("*", r"\*")):
                engine.run(inputs | {"n": np.array(wrong, np.int32)})


@pytest.mark.parametrize(
    "contents", [{"m": ["N"]}, {"n": ["N", 1]}, {"x": ["N"]}, {"n": 3}, {"n": ["M"]}], ids=str
)
def test_contents_that_fit_no_input_are_a_plan_error(contents: dict[str, Any]) -> None:
    def change(manifest: dict[str, Any]) -> None:
        counted(manifest)
        manifest["contents"] = contents

    with pytest.raises(PlanError):
        Plan.from_bytes(affine_plan(change).to_bytes())


# ---------------------------------------------------------------- a model


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """x [N, 4, 6], reduced along an axis, cut, and reshaped, as inputs say."""
    nodes = [
        helper.make_node("ReduceSum", ["x", "axis"], ["r"], "reduce", keepdims=1),
        helper.make_node("Slice", ["r", "starts", "ends", "two"], ["c"], "cut"),
        helper.make_node("Relu", ["c"], ["p"], "relu"),
        helper.make_node("Reshape", ["p", "shape"], ["y"], "shape of y"),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4, 6])] + [
        helper.make_tensor_value_info(name, TensorProto.INT64, [count])
        for name, count in (("axis", 1), ("starts", 1), ("ends", 1), ("shape", 2))
    ]
    graph = helper.make_graph(
        nodes,
        "told",
        inputs,
        [helper.make_empty_tensor_value_info("y")],
        [helper.make_tensor("two", TensorProto.INT64, [1], [2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with glassrt.load(glassrt.compile(model, target="host", cache=False), "host") as engine:
        yield engine


def told(batch: int, axis: int, start: int, end: int, shape: tuple[int, int]) -> dict[str, Any]:
    x = np.random.default_rng(batch).standard_normal((batch, 4, 6)).astype(np.float32)
    numbers = {"axis": [axis], "starts": [start], "ends": [end], "shape": list(shape)}
    return {"x": x} | {name: np.array(each, np.int64) for name, each in numbers.items()}


@pytest.mark.parametrize(
    "row",
    [(2, 0, 1, 4, (-1, 3)), (2, 1, 0, 6, (0, -1)), (3, 2, 0, 1, (12, 1)), (5, -2, -3, 2**62, (3, 5)),
     (1, 0, 4, 2, (-1, 3))],
)  # fmt: skip
def test_one_plan_for_all_that_inputs_say(engine: Engine, row: Any) -> None:
    inputs = told(*row)
    _, axis, start, end, shape = row
    cut = np.maximum(inputs["x"].sum(axis, keepdims=True)[:, :, start:end], 0)
    copied = [cut.shape[place] if size == 0 and cut.size else size for place, size in enumerate(shape)]
    want = cut.reshape(copied)
    np.testing.assert_allclose(engine.run(inputs)["y"], want, rtol=1e-5, atol=1e-6)


def test_a_run_names_the_node_and_what_it_was_given(engine: Engine) -> None:
    with pytest.raises(InputError, match=r"by the node 'shape of y'(?s:.*)'shape': int64\[2\] = \[7, 7\]"):
        engine.run(told(2, 0, 1, 4, (7, 7)))
    with pytest.raises(InputError, match=r"'axis\[0\]' is 3, outside its range -3\.\.2"):
        engine.run(told(2, 3, 1, 4, (-1, 3)))


@pytest.fixture(scope="module")
def signed() -> ModelProto:
    """The remainder and the quotient of n by 3, as data; z, an image, resized by given scales."""
    scale = {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"}
    nodes = [
        helper.make_node("Mod", ["n", "three"], ["m"]),
        helper.make_node("Div", ["n", "three"], ["d"]),
        helper.make_node("Concat", ["m", "d"], ["c"], axis=0),
        helper.make_node("Cast", ["c"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["n", "n"], ["r"]),
        helper.make_node("Tile", ["f", "r"], ["y"]),
        helper.make_node("Resize", ["z", "", "scales"], ["w"], **scale),
    ]
    inputs = [
        ("n", TensorProto.INT64, [1]),
        ("z", TensorProto.FLOAT, [4, 4]),
        ("scales", TensorProto.FLOAT, [2]),
    ]
    graph = helper.make_graph(
        nodes,
        "signed",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_empty_tensor_value_info(name) for name in ("y", "w")],
        [helper.make_tensor("three", TensorProto.INT64, [1], [3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def test_negative_numbers_and_fractions_in_kernels(signed: ModelProto) -> None:
    z = np.random.default_rng(1).standard_normal((4, 4)).astype(np.float32)
    with glassrt.load(glassrt.compile(signed, target="host", cache=False), "host") as engine:
        for n, *scales in ((-4, 2.94, 1), (-2, 1, 0.6), (2, 0.5, 1.7), (4, 1, 1)):
            inputs = {"n": np.array([n]), "z": z, "scales": np.array(scales, np.float32)}
            for name, want in run_onnxruntime(signed, inputs).items():
                np.testing.assert_allclose(engine.run(inputs)[name], want, rtol=1e-5, atol=1e-5)
