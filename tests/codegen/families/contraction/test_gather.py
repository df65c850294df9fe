"""Rows of the first operand, gathered from a table."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.families.registry import families
from glassrt.codegen.text.render import render
from glassrt.dialects.core.dtypes import F16

from ...prologue_cases import (
    gathered_product,
)
from .prologue_requests import MMA, request_of


def test_emitted_gather_of_rows(golden: Any) -> None:
    """The index of a row is read once, before the first tile; rows are copied asynchronously."""
    request, _ = request_of(gathered_product(F16, None, (3000, 128), columns=64))
    code = families()[MMA].realize(request, families()[MMA].propose(request)[0].config)
    source = render(code.template, code.spec)
    assert source.count("load(x1") == 1 and "cp_async<16>(tile + a_slot" in source
    assert source.index("pdl_wait") < source.index("load(x1")
    assert source == golden.at("gathered_rows_mma.cu")
