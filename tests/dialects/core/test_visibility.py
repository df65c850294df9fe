"""What an operation may read: a region sees its own arguments alone."""

from __future__ import annotations

import pytest
from glassrt import IRError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.verifier import verify

from .small_modules import kernel_reading


def test_a_region_sees_its_own_arguments_alone() -> None:
    verify(kernel_reading(outer=False), ALL_DIALECTS)
    with pytest.raises(
        IRError, match=r"graph\.add: operand 1 is defined outside the region of fused\.kernel"
    ) as caught:
        verify(kernel_reading(outer=True), ALL_DIALECTS)
    found = caught.value.diagnostic
    assert found.level == "fused" and "as an operand" in found.hints[0]
    assert [note.message for note in found.notes] == ["it is argument 0 of the block around the region"]
