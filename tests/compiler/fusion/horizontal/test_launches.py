"""Joining siblings never costs launches: what they were written into and read from stays in place."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from hypothesis import given, settings

from .joined_concats import (
    PHASES,
    both,
    same_on_host,
    sibling_nets,
)

# ---------------------------------------------------------------- by hand


# ---------------------------------------------------------------- at random


@settings(max_examples=2, phases=PHASES)
@given(module=sibling_nets())
def test_joining_changes_no_result_on_the_host(module: Module) -> None:
    text = print_module(module)
    on, off, _ = both(lambda: parse_module(text, ALL_DIALECTS, module.resources), "fp32")
    same_on_host(on, off)
