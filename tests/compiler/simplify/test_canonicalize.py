"""Canonicalization is idempotent."""

from __future__ import annotations

from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from hypothesis import given

from ...property.graphs import nets
from ..driver.meanings import context


@given(module=nets())
def test_canonicalize_is_idempotent(module: Module) -> None:
    once = print_module(Canonicalize().run(module, context()))
    assert print_module(Canonicalize().run(module, context())) == once
