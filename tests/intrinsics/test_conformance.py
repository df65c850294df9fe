"""Every intrinsic on the host device against numpy, in all block orders."""

from __future__ import annotations

import pytest
from glassrt.runtime.host import HostModule, Order

from .cases import Case
from .host_launch import run_on_host, verify
from .suite import all_cases

CASES = {case.name: case for case in all_cases()}
ORDERS: list[Order] = ["forward", "reverse", ("seeded", 7)]


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_host_agrees_with_numpy(kernels: HostModule, case: Case, order: Order) -> None:
    verify(case, run_on_host(kernels, case, order))


def test_names_are_unique() -> None:
    assert len(CASES) == len(all_cases())
