"""Random nets at every tuple of small sizes, 0 among them: the host gives what the graph level means."""

from __future__ import annotations

import itertools

import glassrt
import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.semantics import SIGNIFICAND_BITS, allowed_roundings, difference
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from hypothesis import given, settings

from .empty_nets import LARGEST, empty_nets
from .graphs import Array

TYPES = {"fp32": "f32", "fp16": "f16"}
SLACK = 16  # sums of both signs may cancel; what is wrong about an empty size is wrong by far more


def inputs_at(module: Module, sizes: dict[str, int]) -> dict[str, Array]:
    random = np.random.default_rng(1)
    pairs = zip(module.main.inputs, module.main.arguments, strict=True)
    shapes = {name: tuple(evaluate(dim, sizes) for dim in value.type.shape) for name, value in pairs}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@settings(max_examples=12)
@given(module=empty_nets())
def test_every_small_size_is_right(precision: str, module: Module) -> None:
    tuples = itertools.product(range(LARGEST + 1), repeat=len(module.symbols))
    cases = [inputs_at(module, dict(zip(module.symbols, sizes, strict=True))) for sizes in tuples]
    with np.errstate(all="ignore"):
        expected = [interpret(module, inputs) for inputs in cases]
    bound = 2.0 ** -SIGNIFICAND_BITS[TYPES[precision]] * allowed_roundings(module) * SLACK
    plan = build(module, Settings(precision=as_policy(precision))).plan
    engine = glassrt.load(plan, device="host")
    for inputs, wants in zip(cases, expected, strict=True):
        results = engine.run(inputs)
        for name, want in wants.items():
            problem = difference(results[name], want, bound)
            assert problem is None, f"{name} {problem}\n{plan.ir('fused')}"


@settings(max_examples=12)
@given(module=empty_nets())
def test_every_level_means_the_same(module: Module) -> None:
    """Also where memory has no bytes: the interpreter runs the launch level in a real arena."""
    tuples = itertools.product((0, 2), repeat=len(module.symbols))
    cases = [inputs_at(module, dict(zip(module.symbols, sizes, strict=True))) for sizes in tuples]
    plan = build(module, Settings()).plan
    bound = 2.0 ** -SIGNIFICAND_BITS["f32"] * allowed_roundings(module) * SLACK
    for level in ("fused", "precision", "launch"):
        lowered = parse_module(plan.ir(level), ALL_DIALECTS, module.resources)
        for inputs in cases:
            with np.errstate(all="ignore"):
                wants, results = interpret(module, inputs), interpret(lowered, inputs)
            for name, want in wants.items():
                problem = difference(results[name], want, bound)
                assert problem is None, f"{level}: {name} {problem}"
