"""Attention that exporters spell out is recognized in every spelling, and means the same afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.patterns.arrangement import Rearrangement, moves_into
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.attention import Attention

from ..head_spellings import HEAD_SPELLINGS
from ..spellings import ATTENTIONS, Onnx, Spelling, attention
from .recognizing import PASSES, counts, made, run


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_is_recognised(name: str) -> None:
    module = made(ATTENTIONS[name])
    run(module, *PASSES)
    found = counts(module)
    assert found["attention"] == 1 and found["softmax"] == 0
    assert found["matmul"] == 3 and found["transpose"] == 4, "the projections, heads split and merged"
    [op] = [op for op in module.main.block if op.name == "graph.attention"]
    assert op.attributes["scale"] == pytest.approx(1.0 if name == "no scale" else 8**-0.5)
    assert op.attributes["guarded"] == ("guarded" in name)
    assert op.attributes["causal"] == ("causal" in name or name == "masked out")


@pytest.mark.parametrize("name", HEAD_SPELLINGS)
def test_heads_are_strided_views_of_the_projection(name: str) -> None:
    module = made(HEAD_SPELLINGS[name])
    run(module, *PASSES)
    [op] = [op for op in module.main.block if isinstance(op, Attention)]
    assert counts(module)["softmax"] == counts(module)["gather"] == 0
    for value in (op.q, op.k, op.v):
        source, chain = moves_into(value)
        found = Rearrangement.through(source.type.shape, chain)
        assert found is not None and found.is_strided
        assert source.producer is not None and source.producer.name == "graph.add", "the projection"


@pytest.mark.parametrize("guard", ["none", "nan", "rows"])
def test_queries_without_keys(guard: str) -> None:
    """NaN without a guard, zeros with one."""
    module = made(attention("both", "boolean", guard))
    inputs = random_inputs(module)
    inputs["in3"][:, :, 2] = 0
    want = interpret(module, inputs)
    run(module, *PASSES)
    assert counts(module)["attention"] == 1
    [(name, y)] = interpret(module, inputs).items()
    empty = y[:, 2]
    assert np.isnan(empty).all() if guard == "none" else (empty == 0).all()
    np.testing.assert_allclose(y, want[name], rtol=1e-4, atol=1e-5)


def test_recognised_ops_are_read_back() -> None:
    module = made(attention("divided", "selected"))
    run(module, *PASSES)
    text = print_module(module)
    assert print_module(parse_module(text, ALL_DIALECTS, module.resources)) == text


def over_queries(g: Onnx) -> str:
    q, k, v = (g.input(2, 6, 8) for _ in range(3))
    scores = g("MatMul", q, g("Transpose", k, perm=[0, 2, 1]))
    return g("MatMul", g("Softmax", scores, axis=1), v)


def read_twice(g: Onnx) -> str:
    q, k, v = (g.input(2, 6, 8) for _ in range(3))
    weights = g("Softmax", g("MatMul", q, g("Transpose", k, perm=[0, 2, 1])), axis=-1)
    return g("Add", g("MatMul", weights, v), g("ReduceMax", weights, axes=[-1]))


def between(g: Onnx) -> str:
    q, k, v = (g.input(2, 6, 8) for _ in range(3))
    scores = g("Tanh", g("MatMul", q, g("Transpose", k, perm=[0, 2, 1])))
    return g("MatMul", g("Exp", g("Softmax", scores, axis=-1)), v)


NEAR: dict[str, Spelling] = {
    "a softmax over queries": over_queries,
    "weights that others read": read_twice,
    "work behind the softmax": between,
}


@pytest.mark.parametrize("name", NEAR)
def test_what_is_nearly_one_is_left_as_it_is(name: str) -> None:
    module = made(NEAR[name])
    run(module, *PASSES)
    assert counts(module)["attention"] == 0 and counts(module)["softmax"] == 1
