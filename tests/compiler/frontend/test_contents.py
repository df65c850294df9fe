"""Sizes, positions and axes that are inputs: one module is right for whatever the caller gives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.errors import InputError, UnsupportedError
from onnx import ModelProto, TensorProto, helper

from ...models import Array, node_model, run_onnxruntime
from .graphs import node
from .nodes import LEVEL, ints, real, scalar

FARTHEST = np.iinfo(np.int64).max
Row = Sequence[Array | None]


def made(op: str, opset: int, row: Row, outputs: int = 1, **attributes: Any) -> ModelProto:
    """A model of one node, whose inputs x0, x1 and so on have the types of ROW."""
    names = ["" if array is None else f"x{index}" for index, array in enumerate(row)]
    results = [f"y{index}" for index in range(outputs)]
    known = helper.make_node(op, names, results, "the node", **attributes)
    return node_model(known, given(row), {}, opset)


def given(row: Row) -> dict[str, Array]:
    """The inputs in ROW by name, of which None is absent."""
    return {f"x{index}": array for index, array in enumerate(row) if array is not None}


def agrees(op: str, opset: int, rows: Sequence[Row], outputs: int = 1, **attributes: Any) -> Module:
    """Import the node once; for every one of ROWS it gives what ONNX Runtime gives."""
    model = made(op, opset, rows[0], outputs, **attributes)
    module = import_model(model)
    verify(module, LEVEL)
    for row in rows:
        expected, actual = run_onnxruntime(model, given(row)), interpret(module, given(row))
        for name, want in expected.items():
            assert actual[name].shape == want.shape, row[1:]
            np.testing.assert_allclose(actual[name], want, rtol=1e-5, atol=1e-5)
    return module


def ways(x: Array, *choices: Sequence[Sequence[int]]) -> list[Row]:
    """X with every combination of CHOICES for the inputs behind it."""
    return [[x, *(ints(*values) for values in row)] for row in product(*choices)]


# ------------------------------------------------------------ each op, over what it may be given


def test_shapes_of_a_reshape() -> None:
    shapes = [(6, 4, 1), (-1, 2, 2), (0, -1, 2), (2, 0, 0), (1, 1, -1), (24, 1, 1), (3, -1, 0)]
    agrees("Reshape", 14, ways(real(2, 3, 4), shapes))


@pytest.mark.parametrize("shape", [(0, 5, 7), (3, 0, 2), (0, 0, 0)])
def test_a_zero_may_mean_an_empty_axis(shape: tuple[int, ...]) -> None:
    agrees("Reshape", 14, ways(real(2, 0, 3), [shape]), allowzero=1)


def test_a_shape_keeps_its_batch() -> None:
    model = helper.make_model(
        helper.make_graph(
            [node("Shape", "x", "s", end=1), node("Concat", "s n", "t", axis=0), node("Reshape", "x t")],
            "batch",
            [
                helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12]),
                helper.make_tensor_value_info("n", TensorProto.INT64, [2]),
            ],
            [helper.make_empty_tensor_value_info("y")],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    module = import_model(model)
    for batch, rest in product((1, 5), ((3, 4), (-1, 6), (12, -1))):
        x = real(batch, 12)
        y = interpret(module, {"x": x, "n": ints(*rest)})["y"]
        np.testing.assert_array_equal(y, x.reshape(batch, *rest))


def test_starts_ends_and_steps_of_a_slice() -> None:
    for step in (1, 2, -1, -3):
        far = FARTHEST if step > 0 else -FARTHEST  # ONNX Runtime reads the other one as no end, against ONNX
        bounds = product((0, 2, -2, 9, -9), (0, 3, 5, -1, -6, far))
        agrees("Slice", 13, [[real(5), *map(ints, row), ints(0), ints(step)] for row in bounds])


def test_axes_of_a_slice() -> None:
    x = real(3, 4, 5)
    axes = [pair for pair in permutations(range(-3, 3), 2) if (pair[0] - pair[1]) % 3]
    agrees("Slice", 13, ways(x, [(1, -2)], [(3, FARTHEST)], axes[::2]))
    agrees("Slice", 13, ways(x, [(-1, 0)], [(-9, 3)], axes[1::5], [(-1, 2), (-2, 1)]))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_pads(mode: str) -> None:
    pads = [(0, 0, 0, 0), (1, 2, 2, 0), (0, 3, 0, 1), (2, 0, 1, 2)]
    agrees("Pad", 19, ways(real(4, 5), pads), mode=mode)


def test_pads_that_crop_and_their_axes() -> None:
    agrees("Pad", 13, ways(real(4, 5), [(-1, 2, 0, -2), (1, -3, -2, 0)]))
    rows = [[real(3, 4), ints(*pads), scalar(2.5, np.float32), ints(axis)] for pads in ((1, 2), (-1, 0))
            for axis in (0, 1, -1)]  # fmt: skip
    agrees("Pad", 18, rows)


def test_shapes_of_an_expand() -> None:
    agrees("Expand", 13, ways(real(3, 1), [(2, 3, 4), (1, 1, 1), (5, 1, 2), (1, 3, 1)]))


def test_sizes_of_a_split() -> None:
    agrees("Split", 13, ways(real(6, 2), [(1, 5), (3, 3), (0, 6), (6, 0)]), outputs=2)


def test_repeats_of_a_tile() -> None:
    agrees("Tile", 13, ways(real(2, 3), [(1, 1), (2, 3), (0, 2), (3, 1)]))


def test_diagonals_of_a_triangle() -> None:
    rows = [[real(3, 4), scalar(k)] for k in (0, 1, -1, 3, -3, 5, -7, 2**40)]
    agrees("Trilu", 14, rows, upper=0)
    agrees("Trilu", 14, rows, upper=1)


def test_the_shape_of_a_constant() -> None:
    module = agrees("ConstantOfShape", 9, [[ints(2, 3)], [ints(0, 4)], [ints(1, 1)]])
    with pytest.raises(InputError):
        interpret(module, {"x0": ints(-1, 2)})


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_bounds_of_a_range(dtype: type) -> None:
    bounds = [(0, 5, 1), (10, 4, -3), (3, 3, 1), (5, 0, 1), (-4, 5, 2), (1, 8, 7)]
    agrees("Range", 11, [[scalar(value, dtype) for value in row] for row in bounds])


def test_the_depth_of_a_one_hot() -> None:
    values = np.array([2, 5], np.float32)
    agrees("OneHot", 11, [[ints(0, 2, -1), scalar(depth), values] for depth in (3, 4, 7)], axis=0)


def test_the_axis_of_a_running_sum() -> None:
    rows = [[real(2, 3, 4), scalar(axis)] for axis in range(-3, 3)]
    agrees("CumSum", 14, rows, reverse=1)
    agrees("CumSum", 14, rows, exclusive=1)


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_axes_of_a_reduction(op: str, keepdims: int) -> None:
    x = real(2, 3, 4)
    for count in (1, 2):
        axes = [row for row in permutations(range(-3, 3), count) if len({axis % 3 for axis in row}) == count]
        agrees(op, 18, ways(x, axes[:: 2 * count - 1]), keepdims=keepdims)


def test_axes_to_squeeze() -> None:
    agrees("Squeeze", 13, ways(real(1, 3, 1, 1), [(0, 2), (3, 0), (-1, -2), (2, -4)]))


def test_axes_to_insert() -> None:
    agrees("Unsqueeze", 13, ways(real(2, 3), [*combinations(range(4), 2), (3, 0), (-1, -3), (-2, 0)]))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_sizes_of_a_resize(mode: str) -> None:
    sizes = [(1, 1, 3, 5), (1, 1, 4, 4), (1, 1, 7, 2), (1, 1, 8, 8)]
    agrees("Resize", 18, [[real(1, 1, 4, 4), None, None, ints(*row)] for row in sizes], mode=mode)


SCALES = [(1, 1, 2, 3), (1, 1, 0.5, 0.6), (1, 1, 1, 1), (1, 1, 0.8, 2.5), (1, 1, 5 / 3, 1 / 3)]


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
def test_scales_of_a_resize(mode: str, coordinates: str) -> None:
    rows = [[real(1, 2, 4, 5), None, np.array(row, np.float32)] for row in SCALES]
    if coordinates == "align_corners":
        rows = rows[:3]  # ONNX Runtime rounds a length that is no integer, against ONNX's reference
    agrees("Resize", 18, rows, mode=mode, coordinate_transformation_mode=coordinates)


def test_scales_of_a_resize_that_is_smoothed() -> None:
    rows = [[real(1, 1, 6, 6), None, np.array((1, 1, *row), np.float32)] for row in ((0.5, 0.5), (0.6, 1.5))]
    agrees("Resize", 18, rows, mode="linear", antialias=1)
    sizes = [[real(1, 1, 6, 6), None, None, ints(1, 1, *row)] for row in ((3, 3), (4, 9), (6, 6))]
    agrees("Resize", 18, sizes, mode="linear", antialias=1)


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_sizes_of_a_resize_that_keeps_the_ratio(policy: str) -> None:
    rows = [[real(1, 1, 4, 6), None, None, ints(*row)] for row in ((7, 8), (3, 6), (2, 9), (8, 12))]
    agrees("Resize", 18, rows, axes=[2, 3], keep_aspect_ratio_policy=policy)


def test_regions_of_a_resize() -> None:
    regions = [(0, 0, 1, 1), (0.4, 0.2, 0.6, 0.8), (0.5, 0, 1.5, 1)]
    rows = [[real(1, 1, 4, 4), np.array(row, np.float32), None, ints(3, 3)] for row in regions]
    mode = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0}
    agrees("Resize", 18, rows, axes=[2, 3], mode="linear", **mode)


def test_a_scale_of_1_keeps_what_is_no_number_in_its_place() -> None:
    module = import_model(made("Resize", 18, [real(2, 4), None, np.ones(2, np.float32)], mode="linear"))
    x = np.array([[1, 2, 3, 4], [np.nan, 5, np.inf, 6]], np.float32)
    y = interpret(module, {"x0": x, "x2": np.array([1, 2], np.float32)})["y0"]
    assert np.isfinite(y[0]).all() and np.isnan(y[1, 0])


def test_a_scale_that_is_no_simple_fraction_is_refused() -> None:
    module = import_model(made("Resize", 18, [real(2, 4), None, np.ones(2, np.float32)]))
    for scale, why in ((0.1234567, "sizes depend on it"), (0.0, "positive"), (9.0, "stays in its range")):
        with pytest.raises(InputError, match=why):
            interpret(module, {"x0": real(2, 4), "x2": np.array([1, scale], np.float32)})


def test_scales_of_an_upsample() -> None:
    rows = [[real(1, 1, 2, 3), np.array(row, np.float32)] for row in ((1, 1, 2, 3), (1, 1, 1.5, 1))]
    module = agrees("Upsample", 9, rows)
    with pytest.raises(InputError, match="makes no axis smaller"):
        interpret(module, {"x0": real(1, 1, 2, 3), "x1": np.array((1, 1, 0.5, 1), np.float32)})


# ------------------------------------------------------------ what is computed from inputs, and ranges


def network(*nodes: Any, inputs: dict[str, tuple[int, Sequence[Any]]], **constants: Any) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()],
        [helper.make_empty_tensor_value_info("y")],
        [helper.make_tensor(name, TensorProto.INT64, [len(v)], v) for name, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def cut_at(end: str) -> ModelProto:
    """x [N] up to one behind the number n."""
    return network(
        node("Add", "n one", "m"),
        node("Slice", f"x zero {end} zero"),
        inputs={"x": (TensorProto.FLOAT, ["N"]), "n": (TensorProto.INT64, [1])},
        zero=[0],
        one=[1],
    )


def test_arithmetic_on_what_an_input_holds() -> None:
    module = import_model(cut_at("m"))
    assert module.symbols["n_0"] == SymbolRange(-64, 8, 64)
    for size, end in ((5, 2), (5, 9), (3, -2)):
        x = real(size)
        np.testing.assert_array_equal(interpret(module, {"x": x, "n": ints(end)})["y"], x[: end + 1])


def test_a_position_may_be_any_number_and_a_size_may_not() -> None:
    module = import_model(cut_at("n"))
    assert module.symbols["n_0"].maximum == 2**31
    assert len(interpret(module, {"x": real(5), "n": ints(FARTHEST)})["y"]) == 5
    many = import_model(made("Tile", 13, [real(2), ints(1)]))
    with pytest.raises(InputError, match="x1_0 = 65 is outside its range 0 to 64"):
        interpret(many, {"x0": real(2), "x1": ints(65)})


def test_ranges_of_elements_are_given_by_their_place() -> None:
    model = made("Tile", 13, [real(2, 1), ints(1, 1)])
    module = import_model(model, shapes={"x1[0]": (1, 2, 100), "x1[1]": (3, 3, 3)})
    assert module.contents == {"x1": (module.contents["x1"][0], 3)}
    assert module.symbols == {"x1_0": SymbolRange(1, 2, 100)}
    assert interpret(module, {"x0": real(2, 1), "x1": ints(100, 3)})["y0"].shape == (200, 3)
    with pytest.raises(InputError, match="holds 2 where 3 is expected"):
        interpret(module, {"x0": real(2, 1), "x1": ints(1, 2)})


@pytest.mark.parametrize("key", ["x1[2]", "x2[0]"])
def test_a_range_for_no_element_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="no input has"):
        import_model(made("Tile", 13, [real(2, 1), ints(1, 1)]), shapes={key: (1, 2, 3)})


def test_an_input_that_no_size_depends_on_is_data() -> None:
    module = import_model(made("Gather", 13, [real(4, 2), ints(1, 3)]))
    assert not module.contents and not module.symbols


def test_a_number_that_a_later_op_needs_is_determined() -> None:
    model = network(
        node("Expand", "one n", "e"),
        node("MatMul", "x e"),
        inputs={"x": (TensorProto.INT64, [2, 6]), "n": (TensorProto.INT64, [2])},
        one=[1],
    )
    module = import_model(model)
    assert module.contents["n"][0] == 6 and "n_0" in module.determined
    x = np.arange(12).reshape(2, 6)
    np.testing.assert_array_equal(
        interpret(module, {"x": x, "n": ints(6, 2)})["y"], x @ np.ones((6, 2), np.int64)
    )
    with pytest.raises(InputError, match="holds 5 where 6 is expected"):
        interpret(module, {"x": x, "n": ints(5, 2)})


def test_a_content_that_is_no_size_is_refused() -> None:
    model = network(
        node("Mul", "n n", "m"),
        node("BitwiseNot", "m", "k"),
        node("Reshape", "x k", name="r"),
        inputs={"x": (TensorProto.FLOAT, [4]), "n": (TensorProto.INT64, [1])},
    )
    with pytest.raises(UnsupportedError, match="'r': its shape depends on the data of the inputs"):
        import_model(model)


def test_what_an_op_refuses_of_what_inputs_hold() -> None:
    module = import_model(made("Reshape", 14, [real(2, 3), ints(3, 2)]))
    for shape, why in (
        ((-1, -1), "only one size"),
        ((4, 2), "holds the elements"),
        ((-2, 3), "outside its range -1"),
    ):
        with pytest.raises(InputError, match=why):
            interpret(module, {"x0": real(2, 3), "x1": ints(*shape)})
    module = import_model(made("ReduceSum", 13, [real(2, 3), ints(0, 1)]))
    with pytest.raises(InputError, match="distinct"):
        interpret(module, {"x0": real(2, 3), "x1": ints(1, -1)})
    module = import_model(made("Range", 11, [scalar(0.0, np.float32)] * 3))
    with pytest.raises(InputError, match="its step is not 0"):
        interpret(module, dict.fromkeys(("x0", "x1", "x2"), scalar(0.0, np.float32)))
    one = scalar(1.0, np.float32)
    with pytest.raises(InputError, match="holds 2 where 1 is expected"):
        interpret(module, {"x0": scalar(0.5, np.float32), "x1": one, "x2": one})


def test_a_module_with_contents_is_read_back_from_its_text() -> None:
    text = print_module(import_model(cut_at("m")))
    assert '  content "n" = [n_0]\n' in text
    assert print_module(parse_module(text, LEVEL)) == text
