"""What tests of kernels share: a walk over configurations."""

from __future__ import annotations

import pytest
from glassrt.codegen.nvrtc.compiled_kernel import UnfitError

from .one_kernel import check_fitting


def spills(config: int) -> None:
    """A check of configurations of which those that are odd spill."""
    if config % 2:
        raise UnfitError("a kernel spills", {"k": "spills"}, "sm_90a")


def test_configurations_that_do_not_fit_are_passed_by() -> None:
    seen: list[int] = []

    def check(config: int) -> None:
        spills(config)
        seen.append(config)

    check_fitting(range(5), check)
    assert seen == [0, 2, 4]


@pytest.mark.parametrize("configs", [[], [1, 3]])
def test_one_configuration_has_to_fit(configs: list[int]) -> None:
    with pytest.raises(AssertionError, match="no configuration compiles as meant"):
        check_fitting(configs, spills)


def test_wrong_results_are_not_passed_by() -> None:
    def check(config: int) -> None:
        spills(config)
        raise AssertionError(f"configuration {config} is off")

    with pytest.raises(AssertionError, match="configuration 2 is off"):
        check_fitting([1, 2], check)
