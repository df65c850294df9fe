"""Unrolled loops and predicated branches give what they give as they are, and what ONNX Runtime gives."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.compiler.settings.policy import as_policy
from glassrt.compiler.simplify.control_flow import short_loop
from glassrt.dialects.control import ControlOp
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, numpy_helper, parser

from ..models import Array, run_onnxruntime

# Steps from the matrices {a} and {b} to {n}; products of other ranks and types among them.
STEPS = (
    "{n} = Tanh({a})",
    "{n} = Softmax({a})",
    "{n} = Sub({a}, {b})",
    "{n} = MatMul({a}, w)",
    "{n}p = MatMul(stack, w) {n}m = ReduceMean<axes = [0], keepdims = 0>({n}p) {n} = Mul({n}m, {a})",
    "{n}p = MatMul({a}, row) {n}u = Unsqueeze({n}p, last) {n} = Add({a}, {n}u)",
    "{n}h = Cast<to = 10>({a}) {n}w = Cast<to = 10>(w) {n}p = MatMul({n}h, {n}w) {n} = Cast<to = 1>({n}p)",
)
BRANCH = """{n} = If({c}) <then_branch = {n}t () => (float[3,4] {n}x) {{ {then} {n}x = Identity({a}) }},
    else_branch = {n}e () => (float[3,4] {n}y) {{ {other} {n}y = Identity({b}) }}>"""


@st.composite
def blocks(draw: st.DrawFn, prefix: str, given: tuple[str, ...], depth: int) -> tuple[str, str]:
    """Nodes over the matrices GIVEN whose names begin with PREFIX, and the last of their results."""
    known, text = list(given), list[str]()
    for number in range(draw(st.integers(1, 3))):
        new = f"{prefix}{number}"
        if depth and draw(st.booleans()):
            then, a = draw(blocks(f"{new}t", tuple(known), depth - 1))
            other, b = draw(blocks(f"{new}e", tuple(known), depth - 1))
            condition = draw(st.sampled_from(("c", "early")))
            text.append(BRANCH.format(n=new, c=condition, then=then, a=a, other=other, b=b))
        else:
            a, b = draw(st.sampled_from(known)), draw(st.sampled_from(known))
            text.append(draw(st.sampled_from(STEPS)).format(n=new, a=a, b=b))
        known.append(new)
    return " ".join(text), known[-1]


@st.composite
def models(draw: st.DrawFn) -> ModelProto:
    """A loop of a few iterations, with branches in it, that hands two matrices on and stacks a third."""
    body, last = draw(blocks("n", ("s", "t", "x"), 2))
    count = draw(st.integers(0, 4))
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[3,4] x, bool c) => (float[3,4] y, float[3,4] z, float[k,3,4] all)
      <int64 n = {{{count}}}, int64 two = {{2}}, int64[1] last = {{1}}> {{
      one = Unsqueeze(x, first) stack = Concat<axis = 0>(one, one)
      y, z, all = Loop(n, , x, x) <body = b (int64 i, bool g, float[3,4] s, float[3,4] t)
          => (bool d, float[3,4] o, float[3,4] p, float[3,4] q) {{
        early = Less(i, two) {body}
        o = Tanh({last}) p = Identity(s) q = Identity({last}) d = Identity(g)
      }}>
    }}"""
    made: ModelProto = parser.parse_model(text)
    return made


def stored(made: ModelProto, rng: np.random.Generator) -> ModelProto:
    """MADE with its weights."""
    for name, shape in (("w", (4, 4)), ("row", (4,))):
        array = rng.standard_normal(shape, dtype=np.float32) / 2
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    made.graph.initializer.append(numpy_helper.from_array(np.array([0]), "first"))
    return made


def lowered(module: Module, precision: str, *disabled: str) -> Module:
    asked = Settings(precision=as_policy(precision), disabled=frozenset(disabled))
    return brought_to("precision", clone_module(module), asked, context_of(asked))


def controls(module: Module) -> int:
    return sum(isinstance(op, ControlOp) for op in module.walk())


@pytest.mark.parametrize(("precision", "within"), [("fp32", 4e-3), ("fp16", 2e-2), ("bf16", 0.2)])
@settings(max_examples=8, deadline=None)
@given(made=models(), seed=st.integers(0, 99))
def test_control_flow_and_what_takes_its_place_agree(
    precision: str, within: float, made: ModelProto, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    module = load_module(stored(made, rng))
    names = short_loop.name, PredicateBranches.name
    flat, kept = lowered(module, precision), lowered(module, precision, *names)
    assert controls(flat) <= controls(kept)
    for flag in (True, False):
        inputs: dict[str, Array] = {"x": rng.standard_normal((3, 4), dtype=np.float32), "c": np.array(flag)}
        wanted = run_onnxruntime(made, inputs)
        for form in (flat, kept):
            found = interpret(form, inputs)
            for name, want in wanted.items():
                assert found[name].shape == want.shape
                np.testing.assert_allclose(found[name], want, rtol=within, atol=within)
