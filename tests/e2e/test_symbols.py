"""Several symbolic sizes in one kernel: products of them as divisors, and sizes used as data."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.codegen.text.affine_c import dim_to_c, factor_to_c
from glassrt.dialects.core.affine import floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ..models import run_onnxruntime

NAMES = {"N": "n", "M": "m"}
N, M = symbol("N"), symbol("M")
DIMS = st.sampled_from([N, M, N * M, 2 * N, N + M, 3 * N * M, N * N, floordiv(N, 2), N * M + 1])


@given(left=DIMS, right=DIMS, n=st.integers(1, 40), m=st.integers(1, 40))
def test_a_factor_stands_on_either_side(left: object, right: object, n: int, m: int) -> None:
    """What C computes, and Python of `//` where C has `/`: all numbers are positive."""
    values = {"N": n, "M": m}
    a, b = (evaluate(dim, values) for dim in (left, right))  # type: ignore[arg-type]
    for operator, wanted in (("*", a * b), ("/", a // max(b, 1)), ("%", a % max(b, 1))):
        if b == 0:
            continue
        text = f"{factor_to_c(left, NAMES)} {operator} {factor_to_c(right, NAMES)}"  # type: ignore[arg-type]
        assert eval(text.replace("/", "//"), {"n": n, "m": m}) == wanted, text


@given(left=DIMS, right=DIMS, n=st.integers(1, 40), m=st.integers(1, 40))
def test_divisions_by_products(left: object, right: object, n: int, m: int) -> None:
    divided = floordiv(left + 5, right + 1)  # type: ignore[operator]
    text = dim_to_c(divided, NAMES)
    assert eval(text.replace("/", "//"), {"n": n, "m": m}) == evaluate(divided, {"N": n, "M": m}), text


def model(nodes: list[object], shapes: dict[str, list[int | str]], **stored: object) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_rows_and_products_over_two_symbols() -> None:
    made = model(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"]),
            helper.make_node("Softmax", ["h"], ["s"], axis=-1),
            helper.make_node("Transpose", ["s"], ["t"], perm=[1, 0, 2]),
            helper.make_node("Add", ["t", "b"], ["a"]),
            helper.make_node("ReduceMax", ["a"], ["r"], keepdims=1),
            helper.make_node("Sub", ["a", "r"], ["y"]),
        ],
        {"x": ["N", "M", 3], "b": ["M", 1, 4]},
        w=np.arange(12, dtype=np.float32).reshape(3, 4) / 7,
    )
    engine = glassrt.load(glassrt.compile(made, target="host"), device="host")
    for n, m in ((1, 1), (2, 5), (5, 2), (7, 3), (1, 64)):
        random = np.random.default_rng(n)
        inputs = {
            "x": random.standard_normal((n, m, 3), dtype=np.float32),
            "b": random.standard_normal((m, 1, 4), dtype=np.float32),
        }
        expected = run_onnxruntime(made, inputs)["y"]
        np.testing.assert_allclose(engine.run(inputs)["y"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_size_as_data_in_a_kernel_that_reads_no_such_tensor(axis: int) -> None:
    """The kernel of y has no operand whose type speaks of the size that it multiplies by."""
    made = model(
        [
            helper.make_node("Shape", ["x"], ["s"]),
            helper.make_node("Gather", ["s", "i"], ["n"], axis=0),
            helper.make_node("Cast", ["n"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["z", "f"], ["y"]),
        ],
        {"x": ["N", "M"], "z": [4]},
        i=np.int64(axis),
    )
    engine = glassrt.load(glassrt.compile(made, target="host"), device="host")
    z = np.arange(4, dtype=np.float32)
    for shape in ((3, 5), (1, 64)):
        inputs = {"x": np.zeros(shape, np.float32), "z": z}
        np.testing.assert_array_equal(engine.run(inputs)["y"], z * shape[axis])


def test_many_parts_of_a_concatenation() -> None:
    """The choice among the parts is a balanced tree, whatever their number."""
    for count in (1, 2, 3, 5, 64, 150):
        names = [f"x{i}" for i in range(count)]
        made = model([helper.make_node("Concat", names, ["y"], axis=1)], {n: ["N", 3] for n in names})
        engine = glassrt.load(glassrt.compile(made, target="host"), device="host")
        inputs = {name: np.full((2, 3), i, np.float32) for i, name in enumerate(names)}
        np.testing.assert_array_equal(engine.run(inputs)["y"], np.concatenate(list(inputs.values()), axis=1))
