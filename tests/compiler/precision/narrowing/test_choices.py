"""What decides how many elements there are, in small models: back to products, through branches and loops."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.precision.narrowing.choices import deciding
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Greater
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Exp, Neg
from onnx import parser

HEAD = """<ir_version: 8, opset_import: ["" : 17]> agraph (float[4,32] x, float[4] z, bool c) => (%s)
<float zero = {0}, int64[1] first = {0}, int64 three = {3}, float[32,4] w = {%s}> """.replace(
    "%s}", ", ".join(["0.5"] * 128) + "}"
)
CHOSEN = "g = Greater(b, zero) r = Compress<axis = 0>(b, g)"


def module_of(body: str, outputs: str = "r") -> Module:
    return import_model(parser.parse_model(HEAD % outputs + f"{{ {body} }}"))


def decides(module: Module, kind: type) -> bool:
    """Whether all results of ops of a KIND decide how many elements there are."""
    found = deciding(module.main)
    answers = {op.results[0] in found for op in module.walk() if isinstance(op, kind)}
    assert len(answers) == 1, f"there are {len(answers)} answers about {kind.__name__}"
    return answers.pop()


def test_everything_behind_a_product_decides_but_nothing_before_it() -> None:
    behind = f"e = Exp(p) b = ReduceMax<axes = [1], keepdims = 0>(e) {CHOSEN} n = Neg(e)"
    module = module_of(f"t = Tanh(x) p = MatMul(t, w) {behind}", "r, n")
    assert decides(module, Exp) and decides(module, Matmul) and decides(module, Greater)
    assert not decides(module, Tanh) and not decides(module, Neg)


def test_without_a_count_nothing_does() -> None:
    assert deciding(module_of("r = Exp(x) g = Greater(x, zero)", "r").main) == set()


def branch(condition: str, one: str, other: str) -> str:
    branches = f"then_branch = s () => (p) {{ p = {one} }}, else_branch = t () => (q) {{ q = {other} }}"
    return f"b = If({condition}) <{branches}>"


def loop(begin: str, body: str, condition: str = "") -> str:
    """A loop that hands on n, beginning with BEGIN; h says whether it goes on."""
    inner = f"body = l (int64 i, bool g, float[4] v) => (h, n) {{ {body} }}"
    return f"b = Loop(three, {condition}, {begin}) <{inner}>"


MOST = "m = ReduceMax<keepdims = 0>"
INSIDE = {
    "what a branch gives": branch("c", "Exp(z)", "Sqrt(z)"),
    "what a branch reads": f"e = Exp(z) {branch('c', 'Sqrt(e)', 'Sin(z)')}",
    "what decides about a branch": (
        f"e = Exp(z) {MOST}(e) d = Greater(m, zero) {branch('d', 'Sqrt(z)', 'Sin(z)')}"
    ),
    "what a loop hands on": loop("z", "h = Identity(g) n = Exp(v)"),
    "what a loop begins with": f"e = Exp(z) {loop('e', 'h = Identity(g) n = Sin(v)')}",
    "what a loop reads": f"e = Exp(z) {loop('z', 'h = Identity(g) n = Add(v, e)')}",
    "what ends a loop": loop("z", f"n = Sin(v) {MOST}(n) e = Exp(m) h = Greater(e, zero)", "c"),
}


@pytest.mark.parametrize("what", INSIDE)
def test_it_is_found_through_control_flow(what: str) -> None:
    assert decides(module_of(f"{INSIDE[what]} {CHOSEN}"), Exp)
