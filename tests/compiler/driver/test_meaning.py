"""Every pass keeps the meaning of random nets, and what else holds for all of them."""

from __future__ import annotations

import pytest
from glassrt.codegen.kernels.family import Target
from glassrt.compiler.driver.pipeline import TO_FUSED, TO_GRAPH, TO_PRECISION, passes_to
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.options import Options
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.core.affine import Dim, total
from glassrt.dialects.core.ir import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from hypothesis import given, settings

from ...property.graphs import nets

ALL = (*TO_GRAPH, *TO_FUSED, *TO_PRECISION)


def context(precision: str = "fp32", **options: int) -> PassContext:
    return PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision), options=Options(**options))


def flops(module: Module) -> Dim:
    return total(op.flops() for function in module.functions for op in function.block)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@given(module=nets())
def test_every_pass_keeps_the_meaning(precision: str, module: Module) -> None:
    PassManager(ALL, context(precision), verify_each="semantics").run(module)


@given(module=nets())
def test_small_kernels_keep_the_meaning(module: Module) -> None:
    PassManager(ALL, context(kernel_ops=3), verify_each="semantics").run(module)


@given(module=nets())
def test_fusion_conserves_flops(module: Module) -> None:
    PassManager(TO_GRAPH, context()).run(module)
    before = flops(module)
    PassManager(TO_FUSED, context()).run(module)
    assert flops(module) == before


@given(module=nets())
def test_canonicalize_is_idempotent(module: Module) -> None:
    once = print_module(Canonicalize().run(module, context()))
    assert print_module(Canonicalize().run(module, context())) == once


@given(module=nets())
def test_every_level_is_read_back_as_it_was_printed(module: Module) -> None:
    for _, stage in PassManager(ALL, context("fp16")).stages(module):
        text = print_module(stage)
        assert print_module(parse_module(text, ALL_DIALECTS, stage.resources)) == text


@given(module=nets(symbolic=True))
@settings(max_examples=20)
def test_passes_are_deterministic(module: Module) -> None:
    text = print_module(module)
    twin = parse_module(text, ALL_DIALECTS, module.resources)
    results = [print_module(PassManager(ALL, context("fp16")).run(m)) for m in (module, twin)]
    assert results[0] == results[1]


def test_the_pipeline_has_passes_to_every_level() -> None:
    for level in ("graph", "fused", "precision", "launch"):
        assert passes_to(level, Target())
