"""cp.async: copies of at least 4 bytes, of what is used as it is loaded."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.staging.cp_async import CpAsync
from glassrt.codegen.families.staging.staging import StagedOperand
from glassrt.dialects.core.dtypes import F16, I8, DType


@pytest.mark.parametrize(
    ("dtype", "vector", "taken"), [(F16, 2, True), (F16, 1, False), (I8, 4, True), (I8, 2, False)]
)
def test_the_narrowest_copy(dtype: DType, vector: int, taken: bool) -> None:
    assert CpAsync().takes(StagedOperand(dtype, vector)) == taken
    assert not CpAsync().takes(StagedOperand(dtype, 8, computed=True))


def test_it_needs_the_instruction_and_no_registers() -> None:
    staging = CpAsync()
    assert (
        staging.needs_features == {Feature.CP_ASYNC} and staging.runs_on(REFERENCE) and staging.asynchronous
    )
    assert staging.registers(StagedOperand(F16, 8)) == 0
