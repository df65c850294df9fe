"""Attention that the target has no kernel for becomes products and a softmax; other attention stays whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.fusion.decompose_attention import DecomposeAttention

from ..simplify.recognizing import PASSES, counts, made, run
from ..spellings import ATTENTIONS, Onnx, attention

OLD = replace(REFERENCE, name="sm_80", features=frozenset())  # no tensor cores


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_is_taken_apart_where_no_kernel_does_it(name: str) -> None:
    module = made(ATTENTIONS[name])
    run(module, *PASSES, DecomposeAttention(OLD), precision="fp16")
    assert counts(module)["attention"] == 0 and counts(module)["softmax"] == 1


def test_attention_stays_whole_where_there_is_a_kernel() -> None:
    for target, precision, left in ((REFERENCE, "fp16", 1), (OLD, "fp16", 0), (OLD, "fp32", 1)):
        module = made(attention("divided"))
        run(module, *PASSES, DecomposeAttention(target), precision=precision)
        assert counts(module)["attention"] == left


def test_heads_too_large_for_registers_are_taken_apart() -> None:
    graph = Onnx()
    q, k, v = (graph.input(2, 4, 264) for _ in range(3))
    scores = graph("MatMul", q, graph("Transpose", k, perm=[0, 2, 1]))
    module = graph.module(graph("MatMul", graph("Softmax", scores, axis=-1), v))
    run(module, *PASSES)
    assert counts(module)["attention"] == 1
    run(module, DecomposeAttention(REFERENCE), precision="fp16")
    assert counts(module)["attention"] == 0
