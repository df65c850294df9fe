"""The pipeline: passes to every level."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassManager
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from hypothesis import given, settings

from ...property.graphs import nets
from .meanings import ALL, context


@given(module=nets(symbolic=True))
@settings(max_examples=20)
def test_passes_are_deterministic(module: Module) -> None:
    text = print_module(module)
    twin = parse_module(text, ALL_DIALECTS, module.resources)
    results = [print_module(PassManager(ALL, context("fp16")).run(m)) for m in (module, twin)]
    assert results[0] == results[1]


def test_the_pipeline_has_passes_to_every_level() -> None:
    for level in ("graph", "fused", "precision", "launch"):
        assert passes_to(level, REFERENCE)
