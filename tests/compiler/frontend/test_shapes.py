"""Shape arithmetic is followed symbolically, and what it gives is right for every batch size."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import SymbolRange
from glassrt.errors import InputError, ModelError
from onnx import ModelProto, TensorProto, helper

from .graphs import model, node
from .shaped_models import CONSTANTS, SIZE_OF_BATCH, agrees, ints, names, types

# ------------------------------------------------------------ chains of shape arithmetic


@pytest.mark.parametrize("written", [["N", 3, "2*h", "2*w"], ["N", "h+1", "3*w", "h*w+floordiv(w, 2)"]])
def test_sizes_are_given_as_expressions(written: list[int | str]) -> None:
    made = model([node("Relu", "x")], {"x": ("N", "C", "H", "W")})
    module = import_model(made, inputs={"x": written})
    assert set(module.symbols) == {"N", "h", "w"}
    shape = module.main.arguments[0].type.shape
    assert [str(dim) for dim in shape] == [str(size) for size in written]
    inputs = {"x": np.zeros((2, 3, 2, 4) if 3 in written else (2, 4, 6, 7), np.float32)}
    assert interpret(module, inputs)["y"].shape == inputs["x"].shape
    with pytest.raises(InputError):
        interpret(module, {"x": np.zeros((2, 3, 3, 4), np.float32)})


@pytest.mark.parametrize(
    "written",
    ["2*", "h h", "floordiv(h, 0)", "-h", "3-h", "h*w", "floordiv(h, 2)", "2**h", "f32*2", "1e9", ""],
)
def test_an_expression_that_is_no_size_is_refused(written: str) -> None:
    made = model([node("Relu", "x")], {"x": ("N", 4)})
    with pytest.raises(InputError):
        import_model(made, inputs={"x": [written, 4]})


def test_a_size_that_is_written_as_a_difference_is_not_negative() -> None:
    module = import_model(model([node("Relu", "x")], {"x": ("N", 4)}), inputs={"x": ["h-3", 4]})
    assert [str(each) for each in module.constraints] == ["h >= 3"]
    with pytest.raises(InputError, match="h-70 is less than 0"):
        import_model(model([node("Relu", "x")]), inputs={"x": ["h-70", 4]}, shapes={"h": (0, 8, 64)})


def test_sizes_as_data_become_an_operation() -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Cast", "s", "f", to=TensorProto.FLOAT),
        node("Div", "f halves", "g"),
        node("ReduceMean", "x", "m", keepdims=0),
        node("Add", "g m"),
    ]
    module = agrees(model(nodes, {"x": ("N", 4)}, constants=CONSTANTS), (2, 4), (7, 4))
    assert "graph.dims" in names(module)


def test_a_size_is_an_output() -> None:
    module = agrees(model([node("Shape", "x"), node("Size", "x", "z")], {"x": ("N", 4)}, ["y", "z"]), (3, 4))
    assert types(module) == ["tensor<2xi64>", "tensor<i64>"]


def test_symbolic_images_keep_their_size_under_same_padding() -> None:
    weights = {"w": np.ones((2, 1, 3, 3), np.float32)}
    made = model(
        [
            node("Conv", "x w", "c", auto_pad="SAME_UPPER"),
            node("MaxPool", "c", kernel_shape=[2, 2], strides=[2, 2]),
        ],
        {"x": (1, 1, "H", "W")},
        constants=weights,
    )
    module = agrees(made, (1, 1, 6, 9), ranges={"H": (2, 6, 64), "W": (2, 6, 64)})
    assert types(module) == ["tensor<1x2x(floordiv(H, 2))x(floordiv(W, 2))xf32>"]


def test_symbolic_images_resize_by_scales() -> None:
    scales = {"f": np.array([1, 1, 2, 1.5], np.float32)}
    made = model([node("Resize", "x _ f")], {"x": ("N", 1, "H", "W")}, constants=scales)
    assert types(agrees(made, (2, 1, 3, 4))) == ["tensor<Nx1x(2*H)x(W+floordiv(W, 2))xf32>"]


def test_what_a_symbol_leaves_open_is_a_derived_symbol() -> None:
    undecided = model([node("Slice", "x axis0 twelve axis0")], {"x": ("N", 4)}, constants=CONSTANTS)
    made = import_model(undecided)
    assert types(made) == ["tensor<S0x4xf32>"]
    assert {name: str(each) for name, each in made.derived.items()} == {"S0": "min(N, 12)"}
    assert types(import_model(undecided, shapes={"N": (12, 20, 30)})) == ["tensor<12x4xf32>"]
    assert types(import_model(undecided, shapes={"N": (1, 5, 12)})) == ["tensor<Nx4xf32>"]


def test_a_reshape_that_holds_for_one_batch_only_determines_it() -> None:
    fixed = model([node("Reshape", "x t")], {"x": ("N", 4)}, constants={"t": ints(1, 4)})
    made = import_model(fixed)
    assert types(made) == ["tensor<1x4xf32>"]
    assert {name: each.dim for name, each in made.determined.items()} == {"N": 1}
    with pytest.raises(InputError, match=r"4\*N and 4 differ for N in 2\.\.4"):
        import_model(fixed, shapes={"N": (2, 3, 4)})


# ------------------------------------------------------------ transformer spelling


def attention_block() -> ModelProto:
    """Attention over a sequence with a class token, as exporters write it for a symbolic batch."""
    rng = np.random.default_rng(2)
    weights = {
        "token": rng.standard_normal((1, 1, 8)).astype(np.float32),
        "scale": rng.standard_normal(8).astype(np.float32),
        "bias": rng.standard_normal(8).astype(np.float32),
        "w": rng.standard_normal((8, 24)).astype(np.float32) / 4,
        "rest": ints(-1, -1),
        "heads": ints(-1, 3, 2, 4),
        "flat": ints(8),
        "factor": np.array(0.5, np.float32),
    }
    nodes = [
        *SIZE_OF_BATCH,
        node("Unsqueeze", "n axis0", "m"),
        node("Concat", "m rest", "wanted", axis=0),
        node("ConstantOfShape", "width", "ones", value=numpy_one()),
        node("Equal", "wanted minus", "open"),
        node("Where", "open ones wanted", "shape"),
        node("Expand", "token shape", "tokens"),
        node("Concat", "tokens x", "joined", axis=1),
        node("LayerNormalization", "joined scale bias", "normal"),
        node("MatMul", "normal w", "qkv"),
        node("Shape", "joined", "sj", end=2),
        node("Concat", "sj heads", "split", axis=0),
        node("Reshape", "qkv split", "parts0"),
        node("Squeeze", "parts0 two", "parts"),
        node("Transpose", "parts", "moved", perm=[2, 0, 3, 1, 4]),
        node("Split", "moved", "q0 k0 v0", num_outputs=3, axis=0),
        *[node("Squeeze", f"{name}0 axis0", name) for name in "qkv"],
        node("Transpose", "k", "kt", perm=[0, 1, 3, 2]),
        node("MatMul", "q kt", "scores"),
        node("Mul", "scores factor", "scaled"),
        node("Softmax", "scaled", "p", axis=-1),
        node("MatMul", "p v", "mixed"),
        node("Transpose", "mixed", "back", perm=[0, 2, 1, 3]),
        node("Concat", "sj flat", "final", axis=0),
        node("Reshape", "back final"),
    ]
    return model(nodes, {"x": ("batch", 5, 8)}, constants={**CONSTANTS, **weights, "width": ints(3)})


def numpy_one() -> TensorProto:
    return TensorProto(data_type=TensorProto.INT64, dims=[1], int64_data=[1])


def test_an_attention_block_with_a_symbolic_batch() -> None:
    module = agrees(attention_block(), (1, 5, 8), (3, 5, 8))
    assert types(module) == ["tensor<(batch)x6x8xf32>"]
    assert "graph.dims" not in names(module)


# ------------------------------------------------------------ symbols


def test_a_size_of_zero_is_one() -> None:
    """Declared in the file, given instead of what the file says, and as the least value of a symbol."""
    made = model([node("Relu", "x")], {"x": (0, "N", 4)})
    module = import_model(made, shapes={"N": (0, 1, 2)})
    assert types(module) == ["tensor<0xNx4xf32>"]
    assert module.symbols == {"N": SymbolRange(0, 1, 2)}
    assert types(import_model(made, inputs={"x": [0, 2, 0]})) == ["tensor<0x2x0xf32>"]


def test_a_declared_output_of_another_size_than_zero_is_refused() -> None:
    made = model([node("Relu", "x")], {"x": (0, 3)})
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3)))
    with pytest.raises(ModelError, match="declared as"):
        import_model(made)


def test_what_is_taken_to_be_equal_may_broadcast_after_all() -> None:
    """T meets a 2, but T*4 has to be 4 too: T is 1, and its sums are stretched."""
    nodes = [node("Reshape", "x t", "r"), node("Add", "r x")]
    made = model(nodes, {"x": (2, "T", 4)}, constants={"t": ints(2, -1)})
    module = agrees(made, (2, 1, 4))
    with pytest.raises(InputError):
        interpret(module, {"x": np.zeros((2, 2, 4), np.float32)})


def test_what_fits_no_sizes_is_a_model_error_all_the_same() -> None:
    nodes = [node("Add", "x w", "s"), node("MatMul", "s m")]
    weights = {"w": np.ones(8, np.float32), "m": np.ones((7, 3), np.float32)}
    with pytest.raises(ModelError, match="8 and 7"):
        import_model(model(nodes, {"x": ("N", "K")}, constants=weights))


SUM = model([node("Add", "x w")], {"x": ("K", 3)}, constants={"w": np.ones((4, 3), np.float32)})


def test_a_number_that_a_size_meets_is_that_size() -> None:
    module = agrees(SUM, (4, 3))
    with pytest.raises(InputError, match="has a dimension 1 where 4 is expected"):
        interpret(module, {"x": np.zeros((1, 3), np.float32)})


def test_a_size_that_usually_is_1_broadcasts_with_a_number() -> None:
    module = agrees(SUM, (1, 3), (4, 3), ranges={"K": (1, 1, 4)})
    with pytest.raises(InputError, match="K = 2, where K broadcasts 4 is needed"):
        interpret(module, {"x": np.zeros((2, 3), np.float32)})
    again = agrees(SUM, (4, 3), ranges={"K": (1, 4, 4)})
    with pytest.raises(InputError, match="has a dimension 1 where 4 is expected"):
        interpret(again, {"x": np.zeros((1, 3), np.float32)})


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("ranges", [None, {"K": (1, 1, 4)}, {"K": (1, 4, 4)}])
def test_a_size_that_another_node_needs_to_be_1_is_1(
    first: bool, ranges: dict[str, tuple[int, int, int]] | None
) -> None:
    nodes = [node("Squeeze", "x axis", "z"), node("Add", "x w")]
    constants = {"w": np.ones((4, 3), np.float32), "axis": ints(0)}
    made = model(nodes[:: 1 if first else -1], {"x": ("K", 3)}, ("y", "z"), constants)
    module = agrees(made, (1, 3), ranges=ranges)
    with pytest.raises(InputError, match="has a dimension 4 where 1 is expected"):
        interpret(module, {"x": np.zeros((4, 3), np.float32)})
