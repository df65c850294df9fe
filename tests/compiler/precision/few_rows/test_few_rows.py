"""Norms and gates of few rows: what expected times, traits and switches decide, and that the numbers stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.request.request import Candidate
from glassrt.compiler.fusion.horizontal.cost import HALVES
from glassrt.compiler.kernels.choice import KernelChooser
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.precision.few_rows.few_rows import ROWS
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.packed import PackedMatmul
from glassrt.errors import UnsupportedError

from .blocks import block, kernels_of, lowered


@pytest.mark.parametrize("packed", [False, True], ids=["floats", "packed"])
def test_a_block_of_few_rows_is_two_kernels(packed: bool) -> None:
    module, records = lowered(block(packed=packed, hidden=8192))
    first, _ = kernels_of(module)
    assert {record.rule: record.verdict for record in records} == dict.fromkeys((ROWS, HALVES), Verdict.TAKEN)
    names = [op.name for op in first.body.block]
    assert names.count("graph.slice") == 2 and "graph.rms_norm" in names and "graph.swish" in names
    (product,) = (op for op in first.body.block if isinstance(op, PackedMatmul if packed else Matmul))
    assert product.result.type.shape == (1, 16384)
    for record in records:
        assert record.figures["microseconds_together"] < record.figures["microseconds_apart"]


def test_the_numbers_are_those_of_the_kernels_apart() -> None:
    x = np.random.default_rng(0).standard_normal((3, 1024), dtype=np.float32)
    results = []
    for merge in (False, True):
        module, _ = lowered(block(rows=3), merge=merge)
        verify(module, ALL_DIALECTS)
        (result,) = interpret(module, {"x": x}).values()
        results.append(result)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(("rule", "kernels"), [(ROWS, 3), (HALVES, 4)], ids=["rows", "halves"])
def test_a_rule_may_be_switched_off(rule: str, kernels: int) -> None:
    """Without halves the siblings stay apart, and the norm, which both read, is a kernel."""
    module, records = lowered(block(), disabled=frozenset({rule}))
    assert len(kernels_of(module)) == kernels
    assert all(record.verdict is Verdict.DISABLED for record in records if record.rule == rule)


@pytest.mark.parametrize(
    ("rows", "target"), [(64, "sm_90a"), (1, "sm_80")], ids=["many rows", "no bulk copies"]
)
def test_what_no_kernel_computes_is_not_considered(rows: int, target: str) -> None:
    module, records = lowered(block(rows=rows), target)
    assert not records and len(kernels_of(module)) == 4


def test_kernels_that_cannot_be_apart_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a kernel takes no time in no plan: it is not that the other one alone is faster."""
    forecast = KernelChooser.forecast

    def without_norms(self: KernelChooser, region: Block, *types: Any) -> Candidate:
        names = {op.name for op in region}
        if "graph.rms_norm" in names and "graph.matmul" not in names:
            raise UnsupportedError("no kernel")
        found = forecast(self, region, *types)
        return replace(found, microseconds=1e6) if "graph.rms_norm" in names else found

    monkeypatch.setattr(KernelChooser, "forecast", without_norms)
    _, records = lowered(block())
    (record,) = [record for record in records if record.rule == ROWS]
    assert record.verdict is Verdict.TAKEN and "microseconds_apart" not in record.figures


def test_rows_that_others_read_are_stored() -> None:
    module, records = lowered(block(twice=True))
    assert [record.rule for record in records] == [HALVES]
    assert "graph.rms_norm" in [op.name for op in kernels_of(module)[0].body.block]
