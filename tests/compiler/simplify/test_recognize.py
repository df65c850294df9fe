"""What exporters spell out is recognised, in every spelling, and means the same afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.simplify.recognize import PATTERNS, Recognize
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module

from ..spellings import ATTENTIONS, SPELLINGS, attention, gelu_erf
from .recognizing import BEFORE, PASSES, counts, made, run


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
    names = [rule.name for rule in PATTERNS]
    assert len(set(names)) == len(names)
    for rule in PATTERNS:
        assert "=>" in rule.before_after
    module = made(gelu_erf("div", "half first"))
    run(module, *BEFORE)
    context = PassContext(ALL_DIALECTS, disabled=frozenset({"gelu-erf"}))
    Recognize().run(module, context)
    assert counts(module)["gelu"] == 0
