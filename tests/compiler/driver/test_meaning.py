"""Every pass keeps the meaning of random nets, and what else holds for all of them."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassManager
from glassrt.dialects.core.affine import Dim, total
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from hypothesis import given, settings

from ...property.graphs import nets
from .meanings import ALL, context

TO_GRAPH = passes_to("graph", REFERENCE)
TO_FUSED = passes_to("fused", REFERENCE)
NETS = 60  # of each test, which all passes change and the interpreter runs after each


def flops(module: Module) -> Dim:
    return total(op.flops() for function in module.functions for op in function.block)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@settings(max_examples=NETS)
@given(module=nets())
def test_every_pass_keeps_the_meaning(precision: str, module: Module) -> None:
    PassManager(ALL, context(precision), verify_each="semantics").run(module)


@settings(max_examples=NETS)
@given(module=nets())
def test_small_kernels_keep_the_meaning(module: Module) -> None:
    PassManager(ALL, context(kernel_ops=3), verify_each="semantics").run(module)


@settings(max_examples=NETS)
@given(module=nets())
def test_fusion_conserves_flops(module: Module) -> None:
    PassManager(TO_GRAPH, context()).run(module)
    before = flops(module)
    PassManager(TO_FUSED, context()).run(module)
    assert flops(module) == before


@settings(max_examples=NETS)
@given(module=nets())
def test_every_level_is_read_back_as_it_was_printed(module: Module) -> None:
    for _, stage in PassManager(ALL, context("fp16")).stages(module):
        text = print_module(stage)
        assert print_module(parse_module(text, ALL_DIALECTS, stage.resources)) == text
