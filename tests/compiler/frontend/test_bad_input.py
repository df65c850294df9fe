"""Damaged, contradictory and unsupported models get a typed error that names the place."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import InputError, ModelError, UnsupportedError
from onnx import ModelProto, TensorProto, helper

from .bad_models import PLAIN
from .graphs import F32, model, node


def _cyclic() -> ModelProto:
    return model(
        [node("Add", "x b", "a", name="first"), node("Relu", "a", "b", name="second")], outputs=["b"]
    )


MALFORMED = {
    "cycle": (_cyclic(), "Add node 'first'.*'second'.*cyclic or not in order"),
    "own output": (model([node("Add", "x y", name="loop")]), "'loop'.*computed by itself"),
    "dangling": (model([node("Add", "x gone", name="adder")]), "'adder'.*no node computes its input 'gone'"),
    "twice": (model([node("Relu", "x", name="a"), node("Abs", "x", name="b")]), "'b'.*another tensor"),
    "shadows input": (model([node("Relu", "x", "x", name="a")], outputs=["x"]), "'a'.*another tensor"),
    "no output": (model([node("Relu", "x", "z")]), "no node computes the output 'y'"),
    "no outputs": (model([node("Relu", "x")], outputs=[]), "no outputs"),
    "same output": (model([node("Relu", "x")], outputs=["y", "y"]), "two outputs are called 'y'"),
    "too many inputs": (model([node("Relu", "x x", name="r")]), "'r'.*2 inputs, 1 are expected"),
    "missing input": (model([node("Add", "x", name="a")]), "'a'.*1 inputs, 2 are expected"),
    "absent input": (model([node("Add", "x _", name="a")]), "'a'.*input 1 is missing"),
    "unknown attribute": (model([node("Relu", "x", name="r", speed=3)]), "'r'.*no attribute 'speed'"),
    "missing attribute": (model([node("Concat", "x x", name="c")]), "'c'.*'axis' is missing"),
    "attribute type": (model([node("Concat", "x x", name="c", axis="1")]), "'c'.*must be an integer"),
    "axis": (model([node("Concat", "x x", name="c", axis=5)]), "'c'.*axis 5 is out of range"),
    "element type": (model([node("And", "x x", name="a")]), "'a'.*cannot have the element type f32"),
    "mixed types": (
        model([node("Add", "x i", name="a")], constants={"i": np.array([1])}),
        "'a'.*different element types",
    ),
    "broadcast": (
        model([node("Add", "x w", name="a")], constants={"w": np.ones(5, np.float32)}),
        "'a'.*do not broadcast",
    ),
    "reshape": (
        model([node("Reshape", "x s", name="r")], constants={"s": np.array([4, 4])}),
        "'r'.*holds the elements of its input, but 6 and 16 differ",
    ),
    "open size": (
        model([node("Reshape", "x s", name="r")], constants={"s": np.array([4, -1])}),
        "'r'.*holds the elements of its input, but 6 and 4 differ",
    ),
    "declared rank": (
        model([node("Relu", "x", name="r")], outputs=[helper.make_tensor_value_info("y", F32, [2, 3, 1])]),
        "'r'.*declared as \\[2, 3, 1\\]",
    ),
    "declared size": (
        model([node("Relu", "x", name="r")], outputs=[helper.make_tensor_value_info("y", F32, [2, 4])]),
        "'r'.*declared as \\[2, 4\\]",
    ),
    "declared type": (
        model(
            [node("Relu", "x", name="r")],
            outputs=[helper.make_tensor_value_info("y", TensorProto.INT8, [2, 3])],
        ),
        "'r'.*declared as INT8",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_graph(what: str) -> None:
    bad, message = MALFORMED[what]
    with pytest.raises(ModelError, match=message):
        import_model(bad)


def test_two_initialisers_of_one_name() -> None:
    twice = model([node("Add", "x w")], constants={"w": np.ones(3, np.float32)})
    twice.graph.initializer.append(twice.graph.initializer[0])
    with pytest.raises(ModelError, match=r"two initializers are called 'w'"):
        import_model(twice)


def test_two_inputs_of_one_name() -> None:
    twice = model([node("Relu", "x")])
    twice.graph.input.append(twice.graph.input[0])
    with pytest.raises(ModelError, match=r"two inputs are called 'x'"):
        import_model(twice)


@pytest.mark.parametrize("dims", [[4], [2], [-1], [2**40, 2**40]])
def test_an_initialiser_whose_bytes_do_not_fit_its_shape(dims: list[int]) -> None:
    bad = model([node("Add", "x w")], constants={"w": np.ones(3, np.float32)})
    bad.graph.initializer[0].dims[:] = dims
    with pytest.raises(ModelError, match=r"initializer 'w'"):
        import_model(bad)


# ------------------------------------------------------------ unsupported


def test_every_offender_is_listed_at_once() -> None:
    nodes = [
        node("RandomNormalLike", "x", "a", name="where is it"),
        node("Relu", "a", "b", name="fine"),
        node("RandomUniformLike", "b", "c", name="also not"),
        node("BatchNormalization", "x s s s s", "d m v", name="trains"),
        node("Widget", "c", "e", name="foreign", domain="com.example"),
        node("Add", "d e", "y", name="depends"),
    ]
    bad = model(nodes, constants={"s": np.ones(3, np.float32)})
    with pytest.raises(UnsupportedError) as caught:
        import_model(bad)
    offenders = caught.value.offenders
    assert caught.value.exit_code == 3
    assert [o.split(":")[0] for o in offenders] == [
        "RandomNormalLike node 'where is it'",
        "RandomUniformLike node 'also not'",
        "BatchNormalization node 'trains'",
        "Widget node 'foreign'",
    ]
    assert all(offender in str(caught.value) for offender in offenders)


def test_unsupported_types_are_offenders() -> None:
    bad = model([node("Identity", "x"), node("Identity", "s", "z")], outputs=["y", "z"])
    bad.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    bad.graph.initializer.append(helper.make_tensor("s", TensorProto.COMPLEX64, [2], [1, 2]))
    with pytest.raises(UnsupportedError) as caught:
        import_model(bad)
    assert [o.split(":")[0] for o in caught.value.offenders] == ["input 'x'", "initializer 's'"]


def test_a_shape_that_depends_on_data_is_unsupported() -> None:
    dynamic = model(
        [
            node("Relu", "x", "p"),
            node("Cast", "p", "s", to=TensorProto.INT64),
            node("Reshape", "x s", name="r"),
        ],
        {"x": (2,)},
    )
    with pytest.raises(UnsupportedError, match=r"'r': its shape depends on the data"):
        import_model(dynamic)


# ------------------------------------------------------------ arguments of the call


@pytest.mark.parametrize(
    "options",
    [
        {"inputs": {"z": [1, 3]}},
        {"inputs": {"x": [1, 3, 3]}},
        {"inputs": {"x": "N3"}},
        {"inputs": {"x": [-1, 3]}},
        {"inputs": {"x": ["bad name", 3]}},
        {"inputs": {"x": ["", 3]}},
        {"shapes": {"M": (1, 2, 3)}},
        {"shapes": {"N": (3, 2, 1)}},
        {"shapes": {"N": (1, 2)}},
        {"shapes": {"N": (-1, 1, 2)}},
    ],
    ids=str,
)
def test_arguments_that_do_not_fit_the_model(options: dict[str, dict[str, object]]) -> None:
    with pytest.raises(InputError):
        import_model(PLAIN, **options)  # type: ignore[arg-type]
