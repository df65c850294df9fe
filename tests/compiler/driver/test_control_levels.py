"""Control flow keeps its meaning through the passes, down to the precision level, in every format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.semantics import allowed_roundings, difference, unit_roundoff
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.control import ControlOp, Loop, blocks_in
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.precision import PrecisionKernel
from onnx import ModelProto, parser

from ...control_models import NESTED
from ...models import Array

WHILE = """agraph (float[2,3] x, float most) => (float[2,3] y, int64 k) <int64 zero = {0}> {
  y, k = Loop(, , x, zero) <body = b (int64 i, bool c, float[2,3] v, int64 j)
      => (bool d, float[2,3] next, int64 last) {
    next = Add(v, v) sum = ReduceSum<keepdims = 0>(next) d = Less(sum, most) last = Identity(i)
  }>
}"""


def model(text: str) -> ModelProto:
    parsed: ModelProto = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')
    return parsed


def feeds(text: str) -> list[dict[str, Array]]:
    rng = np.random.default_rng(5)

    def real(*shape: int) -> Array:
        return rng.standard_normal(shape, dtype=np.float32)

    if text is WHILE:
        return [{"x": abs(real(2, 3)), "most": np.array(50, np.float32)}]
    return [
        {"x": real(steps, 4), "h": real(4), "g": real(4), "c": np.array(flag)}
        for steps, flag in ((1, True), (6, True), (5, False))
    ]


def at(level: str, module: Module, precision: str = "fp32", **options: Any) -> Module:
    settings = Settings(precision=as_policy(precision), **options)
    lowered = brought_to(level, clone_module(module), settings, context_of(settings))
    verify(lowered, ALL_DIALECTS)
    return lowered


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@pytest.mark.parametrize("text", [NESTED, WHILE], ids=["nested", "while"])
def test_every_level_means_the_same(text: str, precision: str) -> None:
    module = load_module(model(text))
    wanted = [interpret(module, feed) for feed in feeds(text)]
    for level in ("graph", "fused", "precision"):
        lowered = at(level, module, precision)
        again = parse_module(print_module(lowered), ALL_DIALECTS, lowered.resources)
        bound = unit_roundoff(lowered) * allowed_roundings(lowered)
        for feed, want in zip(feeds(text), wanted, strict=True):
            have = interpret(again, feed)
            problems = {name: difference(have[name], array, bound) for name, array in want.items()}
            assert set(problems.values()) == {None}, (level, problems)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_what_is_handed_on_keeps_its_type_and_is_made_where_it_is_yielded(precision: str) -> None:
    lowered = at("precision", load_module(model(NESTED)), precision)
    for block in blocks_in(lowered.main.block):
        roots = []
        for value in block.terminator.inputs:
            assert value.type.dtype.name in ("f32", "bool")
            while isinstance(value.producer, Reshape):
                value = value.producer.x
            assert isinstance(value.producer, (PrecisionKernel, ControlOp))
            roots.append(value)
        assert len(set(roots)) == len(roots)


def test_weights_stand_in_the_regions_that_read_them() -> None:
    lowered = at("precision", load_module(model(NESTED)), "fp16")
    (loop,) = (op for op in lowered.walk() if isinstance(op, Loop))
    weights = [op.result.type.dtype.name for op in loop.body.block if isinstance(op, Constant)]
    assert "f16" in weights and not any(isinstance(value.producer, Constant) for value in loop.captures)


def test_passes_can_be_checked_by_the_interpreter() -> None:
    at("precision", load_module(model(NESTED)), "fp32", verify_each="semantics")
