"""Functions: those that a model defines, and the bodies that the standard gives to its ops."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.verifier import verify
from glassrt.errors import ModelError, UnsupportedError
from onnx import AttributeProto, FunctionProto, ModelProto, NodeProto, helper

from ...models import run_onnxruntime
from .graphs import model, node
from .nodes import LEVEL

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]


def local(op: str, inputs: str, outputs: str, **attributes: object) -> NodeProto:
    return node(op, inputs, outputs, domain="local", **attributes)


def referring(made: NodeProto, name: str, source: str, kind: int) -> NodeProto:
    """MADE with an attribute NAME that takes the value of the function's attribute SOURCE."""
    made.attribute.append(AttributeProto(name=name, ref_attr_name=source, type=kind))  # type: ignore[arg-type]
    return made


def leaky() -> FunctionProto:
    """leaky(a; slope = 0.25) = LeakyRelu with that slope."""
    body = referring(node("LeakyRelu", "a", "b"), "alpha", "slope", AttributeProto.FLOAT)
    default = helper.make_attribute("slope", 0.25)
    return helper.make_function("local", "leaky", ["a"], ["b"], [body], OPSETS, attribute_protos=[default])


def twice() -> FunctionProto:
    """twice(a, b?; steep) = leaky(leaky(a; steep) + a; default), and the inner sum."""
    inner = referring(local("leaky", "a", "t"), "slope", "steep", AttributeProto.FLOAT)
    body = [inner, node("Add", "t a", "u"), local("leaky", "u", "y")]
    return helper.make_function("local", "twice", ["a", "b"], ["y", "u"], body, OPSETS, ["steep"])


def calls() -> ModelProto:
    nodes = [
        local("leaky", "x", "t0"),
        local("leaky", "t0", "t1", slope=0.5),
        local("twice", "t1 x", "y z", steep=0.125),
    ]
    return model(nodes, {"x": ("N", 3)}, ["y", "z"], functions=[leaky(), twice()])


def test_functions_are_inlined_with_their_attributes() -> None:
    module = import_model(calls())
    verify(module, LEVEL)
    x = np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)
    expected = run_onnxruntime(calls(), {"x": x})
    for name, array in interpret(module, {"x": x}).items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-6)
    slopes = [op.attributes["alpha"] for op in module.walk() if op.name == "graph.leaky_relu"]
    assert slopes == [0.25, 0.5, 0.125, 0.25]


def test_locations_name_the_call_and_the_node_inside() -> None:
    made = model([local("twice", "x", "y", steep=0.5, name="outer")], functions=[leaky(), twice()])
    nodes = [op.location.nodes for op in import_model(made).walk() if op.location.nodes]
    assert nodes == [("outer/t/b",), ("outer/u",), ("outer/y/b",)]


def test_an_offender_inside_a_function_is_named_with_its_caller() -> None:
    body = [node("RandomNormalLike", "a", "t", name="inside"), node("Cast", "t", "b", to=1)]
    function = helper.make_function("local", "f", ["a"], ["b"], body, OPSETS)
    with pytest.raises(UnsupportedError, match="RandomNormalLike node 'outer/inside'"):
        import_model(model([local("f", "x", "y", name="outer")], functions=[function]))


BROKEN: dict[str, tuple[list[NodeProto], list[str], NodeProto, str]] = {
    "too many inputs": (
        [node("Relu", "a", "b")],
        ["b"],
        local("f", "x x", "y"),
        "2 inputs to a function with 1",
    ),
    "unknown attribute": ([node("Relu", "a", "b")], ["b"], local("f", "x", "y", k=1), "no attribute 'k'"),
    "no such output": (
        [node("Relu", "a", "b")],
        ["c"],
        local("f", "x", "y"),
        "no node computes the function's output 'c'",
    ),
    "outer name": ([node("Add", "a x", "b")], ["b"], local("f", "x", "y"), "no node computes its input 'x'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_function(what: str) -> None:
    body, outputs, call, message = BROKEN[what]
    function = helper.make_function("local", "f", ["a"], outputs, body, OPSETS)
    with pytest.raises(ModelError, match=message):
        import_model(model([call], functions=[function]))


def test_a_function_defined_twice() -> None:
    with pytest.raises(ModelError, match="'leaky' is defined twice"):
        import_model(model([local("leaky", "x", "y")], functions=[leaky(), leaky()]))


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [(["a", "a"], ["b"], "two inputs called 'a'"), (["a"], ["b", "b"], "two outputs called 'b'")],
)
def test_a_function_with_two_names_that_are_one(inputs: list[str], outputs: list[str], message: str) -> None:
    function = helper.make_function("local", "f", inputs, outputs, [node("Relu", "a", "b")], OPSETS)
    with pytest.raises(ModelError, match=f"the function 'f' has {message}"):
        import_model(model([local("f", "x", "y")], functions=[function]))


# Ops without an importer, whose standard gives them a body: plain, and made for the operand types.
BODIES = {
    "MeanVarianceNormalization": model([node("MeanVarianceNormalization", "x")], {"x": (2, 3, 4, 5)}),
    "CenterCropPad": model(
        [node("CenterCropPad", "x s")], {"x": (4, 7)}, constants={"s": np.array([2, 9])}, opset=18
    ),
    "NegativeLogLikelihoodLoss": model(
        [node("NegativeLogLikelihoodLoss", "x t")], {"x": (2, 3)}, constants={"t": np.array([0, 2])}, opset=13
    ),
}


@pytest.mark.parametrize("op", BODIES)
def test_the_standards_own_body_is_used(op: str) -> None:
    module = import_model(BODIES[op])
    verify(module, LEVEL)
    shape = [int(str(size)) for size in module.main.arguments[0].type.shape]
    inputs = {"x": np.random.default_rng(0).standard_normal(shape, dtype=np.float32)}
    expected = run_onnxruntime(BODIES[op], inputs)["y"]
    np.testing.assert_allclose(interpret(module, inputs)["y"], expected, rtol=1e-4, atol=1e-5)
    assert {op.location.nodes for op in module.walk() if op.operands} <= {("y",), ()}
