"""Ops that are composed of others: what stands in their place, what it gives, and mistakes in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import custom
from glassrt.compiler.frontend.importer import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.parser import parse_module
from glassrt.errors import GlassError, InputError, IRError, ModelError
from glassrt.testing import assert_op_agrees

from ...custom_ops import drawn, model, node

DOMAIN = "glass.composed"


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    """With an op of a product, built-in ops, custom ones and ONNX Runtime's."""
    with custom.registered():

        @custom.op("glass.composed::Gated")
        class Gated(custom.ComposedOp):
            """Bend(x w + bias) * sigmoid(that), and its halves along the last axis."""

            x = custom.operand()
            w = custom.operand()
            bias = custom.optional_operand()
            y = custom.result()
            left = custom.result()
            right = custom.result()
            bend = custom.number(0.5)

            def compose(self, nodes: custom.Nodes, x: Any, w: Any, bias: Any) -> tuple[custom.Wire, ...]:
                product = nodes.add("com.microsoft::FusedMatMul", x, w, alpha=2.0)
                half = nodes.add("Mul", product, np.float32(0.5))
                shifted = half if bias is None else nodes.add("Add", half, bias)
                bent = nodes.add("glass.tests::Bend", shifted, bend=self.bend)
                y = nodes.add("Mul", bent, nodes.add("Sigmoid", shifted))
                return (y, *nodes.add_all("Split", 2, y, axis=self.x.type.rank - 1, num_outputs=2))

        yield


def wanted(x: np.ndarray, w: np.ndarray, bias: Any = 0.0, bend: float = 0.5) -> np.ndarray:
    a = x.astype(np.float64) @ w + bias
    return np.asarray((a + bend * a * np.abs(a)) / (1 + np.exp(-a)))


def gated(inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
    stored = {"w": drawn(24, 8), "b": drawn(8)}
    made = [node("Gated", inputs, *outputs, domain=DOMAIN, **attributes)]
    return model(made, outputs=[name for name in outputs if name], domain=DOMAIN, **stored)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_what_it_stands_for_fuses_as_other_nodes_do(precision: str) -> None:
    plan = glassrt.compile(gated(["x", "w", "b"], ["y"], bend=0.25), target="host", precision=precision)
    (launch,) = plan.spec.launches
    assert "matmul" in launch.op and "glass_tests.bend" in launch.op
    assert all(each.startswith("y/") for each in launch.nodes if each != "y")
    with glassrt.load(plan, "host") as engine:
        found = engine.run({"x": drawn(3, 24)})["y"]
    exact = wanted(drawn(3, 24), drawn(24, 8), drawn(8), 0.25)
    within = 1e-2 if precision == "fp16" else 1e-5
    np.testing.assert_allclose(found, exact, within, within * np.abs(exact).max())


def test_it_has_several_results_and_absent_operands() -> None:
    found = interpret(import_model(gated(["x", "w"], ["y", "", "right"])), {"x": drawn(3, 24)})
    exact = wanted(drawn(3, 24), drawn(24, 8))
    np.testing.assert_allclose(found["y"], exact, 1e-4, 1e-4)
    np.testing.assert_allclose(found["right"], exact[:, 4:], 1e-4, 1e-4)


def test_a_node_of_another_form_is_refused() -> None:
    for made, said in (
        (gated(["x"], ["y"]), "it has 1 inputs, 2 to 3 are expected"),
        (gated(["x", "w"], ["y", "a", "b", "c"]), "it has 4 outputs, 1 to 3 are expected"),
        (gated(["x", "w"], ["y"], bent=1.0), "the op has no attribute 'bent'"),
    ):
        with pytest.raises(ModelError, match=said):
            import_model(made)


def failure(compose: Any) -> GlassError:
    """What the import of a model raises whose op, of x, y and z, is composed by COMPOSE."""
    members = {"x": custom.operand(), "y": custom.result(), "z": custom.result(), "compose": compose}
    custom.op("glass.composed::Faulty")(
        type("Faulty", (custom.ComposedOp,), {"__module__": __name__, **members})
    )
    with pytest.raises(GlassError) as caught:
        import_model(model([node("Faulty", ["x"], "y", "z", domain=DOMAIN)], domain=DOMAIN))
    assert "'y" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("compose", "said"),
    [
        (
            lambda self, nodes, x: 1 // 0,
            "compose of glass.composed::Faulty in test_composition.py failed (Zero",
        ),
        (lambda self, nodes, x: x, "test_composition.py gives Wire, not a tuple for its 2 results"),
        (lambda self, nodes, x: (x, 3), "test_composition.py gives int, not a custom.Wire"),
        (lambda self, nodes, x: (x, nodes.add("Add", x, 2.0)), "float is neither a tensor"),
        (lambda self, nodes, x: (x, nodes.add("Relu", x, alpha={})), "compose of glass.composed::Faulty"),
        (lambda self, nodes, x: (x, nodes.add("Unheard", x)), "opset 21 of ai.onnx has no such op"),
        (lambda self, nodes, x: (x, nodes.add("a.b::C", x)), "no file has registered the op 'a.b::C'"),
        (lambda self, nodes, x: (x, custom.Wire("other")), "no node computes the function's output 'other'"),
        (
            lambda self, nodes, x: nodes.add_all("glass.composed::Faulty", 2, x),
            "nested more than",
        ),
    ],
)
def test_mistakes_name_node_and_file(compose: Any, said: str) -> None:
    assert said in str(failure(compose))


def test_it_has_no_form_in_ir_text() -> None:
    text = """module @m {
  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %y = glass_composed.gated %x, %x : tensor<4xf32>
    core.return %y
  }
}
"""
    with pytest.raises(IRError, match=r"there is no op glass_composed\.gated"):
        parse_module(text, ALL_DIALECTS)
    with custom.registered():

        @custom.op("glass.composed::Lone")
        class Lone(custom.ComposedOp):
            x = custom.operand()
            y = custom.result()

            def compose(self, nodes: custom.Nodes, x: Any) -> custom.Wire:
                return nodes.add("Neg", x)

        with pytest.raises(IRError, match="is composed of nodes"):
            assert_op_agrees(Lone, drawn(4))


def test_a_class_says_what_it_is_composed_of() -> None:
    members = {"__module__": __name__, "x": custom.operand(), "y": custom.result()}
    with pytest.raises(InputError, match="defines no `compose`"):
        custom.op("glass.composed::Empty")(type("Empty", (custom.ComposedOp,), members))
