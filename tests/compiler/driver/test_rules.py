"""Every rewrite rule applies where it should and keeps the meaning there, special numbers included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext
from glassrt.compiler.passes.semantics import difference, random_inputs
from glassrt.compiler.patterns.rewrite import Pattern, rewrite
from glassrt.compiler.precision.quantization import propagate
from glassrt.compiler.precision.quantization.propagate import PropagateQuantization
from glassrt.compiler.simplify import canonicalize, fold_batch_norm
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Module
from glassrt.dialects.core.verifier import verify
from hypothesis import given
from hypothesis import strategies as st

from ...property.control_rule_cases import CASES, nets_for

Array = np.ndarray[Any, Any]
PATTERNS = {
    rule.name: rule for rule in (*canonicalize.PATTERNS, *fold_batch_norm.PATTERNS, *propagate.PATTERNS)
}
# Rules that change how sums or weights are rounded; all others are exact.
ROUNDING = {"pad-into-conv", "transpose-into-matmul", "square"}
ROUNDING |= {rule.name for rule in fold_batch_norm.PATTERNS}
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.5, 0.5], np.float32)


def special_inputs(module: Module, seed: int) -> dict[str, Array]:
    """Random inputs whose floats are NaNs, infinities and zeros of both signs, and whose bytes are any."""
    generator = np.random.default_rng(seed)

    def special(array: Array) -> Array:
        if array.dtype.kind == "f":
            return generator.choice(SPECIAL, array.shape).astype(array.dtype)
        if array.dtype in (np.int8, np.uint8):
            return generator.integers(0, 256, array.shape).astype(np.uint8).view(array.dtype)
        return array

    return {name: special(array) for name, array in random_inputs(module, seed).items()}


def run(module: Module, inputs: dict[str, Array]) -> Array:
    with np.errstate(all="ignore"):
        return interpret(module, inputs)["y"]


def same_bits(have: Array, want: Array) -> bool:
    """Equal values, zeros of the same sign, NaNs in the same places."""
    if have.dtype.kind != "f":
        return np.array_equal(have, want)
    zeros = np.array_equal(np.signbit(have[have == 0]), np.signbit(want[want == 0]))
    return zeros and np.array_equal(have, want, equal_nan=True)


def test_every_rule_has_a_case_and_shows_what_it_does() -> None:
    assert set(CASES) == set(PATTERNS)
    for rule in PATTERNS.values():
        assert "=>" in rule.before_after, rule.name


@pytest.mark.parametrize("rule", PATTERNS.values(), ids=lambda rule: str(rule.name))
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    module = data.draw(nets_for(rule.name))
    seed = data.draw(st.integers(0, 100))
    rounding = rule.name in ROUNDING
    inputs = random_inputs(module, seed) if rounding else special_inputs(module, seed)
    before = run(module, inputs)
    assert rewrite(module, [rule]) > 0
    verify(module, ALL_DIALECTS)
    after = run(module, inputs)
    if rounding:
        assert difference(after, before, 64 * 2.0**-24) is None
    else:
        assert same_bits(after, before)


SWEEPS = [(Canonicalize(), rule.name) for rule in canonicalize.PATTERNS]
SWEEPS += [(PropagateQuantization(), rule.name) for rule in propagate.PATTERNS]


@pytest.mark.parametrize(("step", "rule"), SWEEPS, ids=lambda value: getattr(value, "name", value))
@given(data=st.data())
def test_a_rule_can_be_switched_off(step: Pass, rule: str, data: st.DataObject) -> None:
    module = data.draw(nets_for(rule))
    context = PassContext(ALL_DIALECTS, disabled=frozenset({rule}))
    step.run(module, context)
    assert rule not in {record.rule for record in context.ledger}
