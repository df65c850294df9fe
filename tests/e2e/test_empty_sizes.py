"""Sizes of 0 through the importer, the interpreter and the host device, held against ONNX Runtime."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import glassrt
import numpy as np
import onnx
import onnxruntime
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto, parser

from .empty_graphs import GRAPHS, NETWORKS, PRODUCTS

Arrays = dict[str, np.ndarray[Any, Any]]
SIZES = (0, 1, 2)
# The kernels that differ in more than an expression; elementwise ones and moves are also in the random nets.
ON_HOST = [
    *PRODUCTS, *NETWORKS, "Concat in place", "Concat of channels", "Split in place", "Flatten and join",
    "Tile", "Pad", "ReduceMax over", "ReduceProd all", "ReduceSum of integers", "CumSum", "Softmax over",
]  # fmt: skip


@cache
def model(name: str) -> ModelProto:
    return parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]> g {GRAPHS[name]}')


def ranges(name: str) -> dict[str, tuple[int, int, int]]:
    dims = [dim for value in model(name).graph.input for dim in value.type.tensor_type.shape.dim]
    return {dim.dim_param: (0, 1, 3) for dim in dims if dim.dim_param}


def feeds(name: str) -> list[Arrays]:
    """Inputs for every tuple of small sizes."""
    symbols = list(ranges(name))
    tuples = itertools.product(SIZES, repeat=len(symbols))
    return [_feed(name, dict(zip(symbols, sizes, strict=True))) for sizes in tuples]


def _feed(name: str, sizes: dict[str, int]) -> Arrays:
    random = np.random.default_rng(3)
    found: Arrays = {}
    for value in model(name).graph.input:
        tensor = value.type.tensor_type
        shape = [sizes[dim.dim_param] if dim.dim_param else dim.dim_value for dim in tensor.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        found[value.name] = (random.standard_normal(shape) * 2).astype(dtype)
    return found


@cache
def session(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model(name).SerializeToString(), options)


def agree(name: str, inputs: Arrays, have: Arrays, tolerance: float = 2e-5) -> None:
    outputs = [value.name for value in model(name).graph.output]
    for output, want in zip(outputs, session(name).run(outputs, inputs), strict=True):
        assert have[output].shape == want.shape
        assert have[output].dtype == want.dtype
        np.testing.assert_allclose(have[output], want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_interpreter_agrees_with_onnx_runtime(name: str) -> None:
    module = import_model(model(name).SerializeToString(), shapes=ranges(name))
    for inputs in feeds(name):
        agree(name, inputs, interpret(module, inputs))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ON_HOST)
def test_the_host_agrees_with_onnx_runtime(name: str, precision: str) -> None:
    plan = glassrt.compile(model(name), precision=precision, target="host", shapes=ranges(name))
    engine = glassrt.load(plan, device="host")
    for inputs in feeds(name):
        agree(name, inputs, engine.run(inputs), 2e-5 if precision == "fp32" else 2e-2)


@pytest.mark.parametrize("span", [(0, 0, 3), (0, 0, 0), (0, 16, 64)])
@pytest.mark.parametrize("name", ["Conv by channels", "Concat in place", "attention with a past"])
def test_every_range_from_zero_builds_and_runs(name: str, span: tuple[int, int, int]) -> None:
    """Nothing that a plan is tuned for is divided by; a size that is always 0 proves no order of launches."""
    symbols = ranges(name)
    plan = glassrt.compile(model(name), target="host", shapes=dict.fromkeys(symbols, span))
    inputs = _feed(name, dict.fromkeys(symbols, 0))
    agree(name, inputs, glassrt.load(plan, device="host").run(inputs))


@pytest.mark.parametrize("name", ["Concat in place", "Concat of channels", "Split in place"])
def test_what_may_be_empty_is_joined_and_cut_in_place_too(name: str) -> None:
    """A range from 0 costs no launch."""
    symbols = ranges(name)
    plans = [
        glassrt.compile(model(name), target="host", shapes=dict.fromkeys(symbols, (least, 8, 64)))
        for least in (0, 1)
    ]
    assert len(plans[0].spec.launches) == len(plans[1].spec.launches)


def test_the_mean_of_nothing_is_0() -> None:
    """ONNX leaves it undefined: NaN for its reference, 0 for ONNX Runtime and here."""
    graph = "(float[N,3] x) => (float[] y) <int64[1] a = {0}> { y = ReduceMean(x,a) }"
    made = parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]> g {graph}')
    plan = glassrt.compile(made, target="host", shapes={"N": (0, 1, 3)})
    y = glassrt.load(plan, device="host").run({"x": np.zeros((0, 3), np.float32)})["y"]
    assert y.shape == (1, 3)
    assert not y.any()
