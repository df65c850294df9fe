"""Nodes one after the other: what each reads, what it is called, and all that are not supported at once."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.node_texts import node_label
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import InputError, ModelError, UnsupportedError
from onnx import ModelProto, TensorProto, helper

from .graphs import model, node


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
    "axis": (model([node("Concat", "x x", name="c", axis=5)]), "'c'.*axis 5 is out of range"),
    "attribute type": (model([node("Concat", "x x", name="c", axis="1")]), "'c'.*must be an integer"),
    "absent input": (model([node("Add", "x _", name="a")]), "'a'.*input 1 is missing"),
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
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_node_is_named(what: str) -> None:
    bad, message = MALFORMED[what]
    with pytest.raises(ModelError, match=message):
        import_model(bad)


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


def test_what_reads_an_unsupported_node_is_no_offender_of_its_own() -> None:
    nodes = [node("RandomNormalLike", "x", "a", name="odd"), node("Add", "x a", name="depends")]
    with pytest.raises(UnsupportedError) as caught:
        import_model(model(nodes))
    assert [offender.split(":")[0] for offender in caught.value.offenders] == ["RandomNormalLike node 'odd'"]


@pytest.mark.parametrize(
    ("made", "label"),
    [
        (node("Relu", "x", name="own"), "own"),
        (node("Relu", "x", "y"), "y"),
        (helper.make_node("Split", ["x"], ["", "z"]), ""),
        (helper.make_node("Relu", ["x"], []), "Relu"),
    ],
)
def test_a_node_without_a_name_is_called_by_its_first_output(made: object, label: str) -> None:
    assert node_label(made) == (label or "Split")  # type: ignore[arg-type]


def test_ops_know_their_node_and_the_tensors_that_they_compute() -> None:
    nodes = [
        node("Relu", "x", "a", name="first"),
        node("Identity", "a", "b", name="passes"),
        node("Neg", "b"),
    ]
    relu, neg = (op for op in import_model(model(nodes)).main.block if op.results)
    assert relu.location.nodes == ("first",) and set(relu.location.tensors) >= {"a", "passes", "b"}
    assert relu.result.tensor == "a" and neg.location.nodes == ("y",)


TWICE = helper.make_function(
    "here", "Twice", ["v"], ["w"], [node("Add", "v v", "s", name="adds"), node("Relu", "s", "w")],
    [helper.make_opsetid("", 18)],
)  # fmt: skip


def test_functions_are_inlined_under_the_name_of_their_call() -> None:
    call = node("Twice", "x", "t", name="call", domain="here")
    module = import_model(
        model([call, node("Twice", "t", "y", name="again", domain="here")], functions=[TWICE])
    )
    names = [op.location.nodes for op in module.main.block if op.results]
    assert names == [("call/adds",), ("call/w",), ("again/adds",), ("again/w",)]
    x = np.array([[1, -2, 0.5]] * 2, np.float32)
    np.testing.assert_array_equal(interpret(module, {"x": x})["y"], np.maximum(4 * x, 0))


def test_an_output_that_a_function_leaves_out() -> None:
    empty = helper.make_function("here", "Odd", ["v"], ["w"], [], [helper.make_opsetid("", 18)])
    with pytest.raises(ModelError, match="no node computes the function's output 'w'"):
        import_model(model([node("Odd", "x", name="call", domain="here")], functions=[empty]))


def test_a_call_with_too_many_inputs() -> None:
    with pytest.raises(ModelError, match=r"'call'.*passes 2 inputs to a function with 1"):
        import_model(model([node("Twice", "x x", name="call", domain="here")], functions=[TWICE]))


def test_a_domain_that_is_not_imported() -> None:
    with pytest.raises(ModelError, match=r"'g'.*no opset of com\.microsoft is imported"):
        import_model(model([node("Gelu", "x", name="g", domain="com.microsoft")]))


def test_sizes_that_do_not_fit_are_blamed_on_ranges_where_these_were_given() -> None:
    made = model([node("Add", "x w", name="a")], {"x": ("N",)}, constants={"w": np.ones(5, np.float32)})
    with pytest.raises(InputError, match="'a'") as caught:
        import_model(made, shapes={"N": (2, 3, 4)})
    assert caught.value.hint is not None and "--shape N=1,8,64" in caught.value.hint
