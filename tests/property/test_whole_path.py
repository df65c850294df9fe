"""Random nets through the whole path: what the host device computes is what the graph level means."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.semantics import (
    SIGNIFICAND_BITS,
    allowed_roundings,
    difference,
    random_inputs,
)
from glassrt.compiler.settings.options import Options
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from hypothesis import given, settings

from .graphs import nets

TYPES = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}


def check(module: Module, precision: str, options: Options) -> None:
    """MODULE gives the same on the host device, for all symbols' least, usual and largest sizes."""
    sizes = ("minimum", "optimum", "maximum") if module.symbols else ("optimum",)
    cases = [random_inputs(module, seed=1, which=which) for which in sizes]
    with np.errstate(all="ignore"):
        expected = [interpret(module, inputs) for inputs in cases]
    bound = 2.0 ** -SIGNIFICAND_BITS[TYPES[precision]] * allowed_roundings(module)
    plan = build(module, Settings(precision=as_policy(precision), options=options)).plan
    engine = glassrt.load(plan, device="host")
    for inputs, wants in zip(cases, expected, strict=True):
        results = engine.run(inputs)
        assert results.keys() == wants.keys()
        for name, want in wants.items():
            problem = difference(results[name], want, bound)
            assert problem is None, f"{name} {problem}\n{plan.ir('fused')}"


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@settings(max_examples=12)
@given(module=nets())
def test_the_host_device_computes_what_the_graph_means(precision: str, module: Module) -> None:
    check(module, precision, Options())


@settings(max_examples=6)
@given(module=nets(symbolic=True))
def test_small_kernels_change_nothing(module: Module) -> None:
    check(module, "fp32", Options(kernel_ops=2))


@settings(max_examples=25)
@given(module=nets())
def test_a_net_and_its_text_build_the_same_plan(module: Module) -> None:
    again = parse_module(print_module(module), ALL_DIALECTS, module.resources)
    plan = build(module, Settings()).plan
    assert build(again, Settings()).plan.to_bytes() == plan.to_bytes()
