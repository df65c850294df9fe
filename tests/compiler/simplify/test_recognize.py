"""What exporters spell out is recognised, in every spelling, and means the same afterwards."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from glassrt.codegen.kernels.family import Target
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.compiler.simplify.cse import CommonSubexpressions
from glassrt.compiler.simplify.decompose_attention import DecomposeAttention
from glassrt.compiler.simplify.fold_constants import FoldConstants
from glassrt.compiler.simplify.recognize import RULES, Recognize
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module

from ..spellings import ATTENTIONS, SPELLINGS, Onnx, Spelling, attention, gelu_erf

BEFORE = (FoldConstants(), Canonicalize(), CommonSubexpressions())
OLD = Target("sm_75", 75)  # no tensor cores that the kernels know
PASSES = (*BEFORE, Recognize(), Canonicalize())


def made(spelling: Spelling) -> Module:
    graph = Onnx()
    return graph.module(spelling(graph))


def run(module: Module, *passes: object, precision: str = "fp32") -> PassContext:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision))
    PassManager(passes, context, verify_each="semantics").run(module)  # type: ignore[arg-type]
    return context


def counts(module: Module) -> Counter[str]:
    names = (op.name.removeprefix("graph.") for op in module.main.block)
    return Counter(name for name in names if name not in ("constant", "core.return"))


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_becomes_one_op(name: str) -> None:
    spelling, wanted = SPELLINGS[name]
    module = made(spelling)
    run(module, *PASSES)
    assert counts(module) == wanted


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


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_is_taken_apart_where_no_kernel_does_it(name: str) -> None:
    module = made(ATTENTIONS[name])
    run(module, *PASSES, DecomposeAttention(OLD), precision="fp16")
    assert counts(module)["attention"] == 0 and counts(module)["softmax"] == 1


def test_attention_stays_whole_where_there_is_a_kernel() -> None:
    for target, precision, left in ((Target(), "fp16", 1), (OLD, "fp16", 0), (OLD, "fp32", 1)):
        module = made(attention("divided"))
        run(module, *PASSES, DecomposeAttention(target), precision=precision)
        assert counts(module)["attention"] == left


def test_heads_too_large_for_registers_are_taken_apart() -> None:
    graph = Onnx()
    q, k, v = (graph.input(2, 4, 192) for _ in range(3))
    scores = graph("MatMul", q, graph("Transpose", k, perm=[0, 2, 1]))
    module = graph.module(graph("MatMul", graph("Softmax", scores, axis=-1), v))
    run(module, *PASSES)
    assert counts(module)["attention"] == 1
    run(module, DecomposeAttention(Target()), precision="fp16")
    assert counts(module)["attention"] == 0


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


def test_every_rule_shows_what_it_does_and_can_be_switched_off() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert "=>" in rule.before_after
    module = made(gelu_erf("div", "half first"))
    run(module, *BEFORE)
    context = PassContext(ALL_DIALECTS, disabled=frozenset({"gelu-erf"}))
    Recognize().run(module, context)
    assert counts(module)["gelu"] == 0
