"""The roofline of a target."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt import Plan
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.compiler.report.kernel_times import kernel_rows
from glassrt.compiler.report.launches import launches_of
from glassrt.compiler.report.roofline import Peaks
from glassrt.runtime.device import LaunchRecord


def test_a_kernel_at_the_roofline_has_all_of_it(digits_plan: Path) -> None:
    launches = launches_of(Plan.load(digits_plan), {"N": 8})
    most = Peaks.of(REFERENCE)
    records = [
        LaunchRecord(l.bound.kernel, l.bound.op, 2e6 * most.seconds(l), (1, 1, 1), (1, 1, 1))
        for l in launches  # noqa: E741
    ]
    for row in kernel_rows(records, launches, most):
        assert row["roofline"] == pytest.approx(0.5)
        assert row["bytes_per_second"] <= most.bandwidth


def peaks(name: str) -> Peaks:
    return Peaks.of(arch_named(name))


def test_newer_and_better_targets_have_higher_peaks() -> None:
    assert peaks("sm_90a").tensor > peaks("sm_80").tensor > peaks("sm_89").fp32
    assert peaks("sm_90a").tensor == pytest.approx(0.96e15, rel=0.05)
