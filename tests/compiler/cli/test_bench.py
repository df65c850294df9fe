"""`glassrt bench`: times, rates and the roofline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import Plan
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.compiler.cli.bench import kernel_rows, latency, throughput
from glassrt.compiler.cli.facts import launches_of
from glassrt.compiler.cli.roofline import Peaks
from glassrt.runtime.device import LaunchRecord

from .support import Glassrt

FEW = ("--repeats", 3, "--warmup", 0, "--profile-repeats", 1, "--device", "host")


def test_json_has_percentiles_and_every_launch(glassrt: Glassrt, digits_plan: Path) -> None:
    report = json.loads(glassrt("bench", digits_plan, *FEW, "--size", "N=2", "--json").stdout)
    times = report["latency_ms"]
    assert 0 < times["min"] <= times["p50"] <= times["p90"] <= times["p99"]
    rates = report["throughput"]
    assert rates["samples_per_second"] == pytest.approx(2 * rates["runs_per_second"])
    kernels = report["kernels"]
    assert [row["kernel"] for row in kernels] == [
        launch.kernel for launch in Plan.load(digits_plan).spec.launches
    ]
    assert sum(row["share"] for row in kernels) == pytest.approx(1)
    assert report["device"] == "host"
    assert all(row["roofline"] is None for row in kernels), "a CPU has no roofline of a GPU"


def test_the_table_names_every_kernel(glassrt: Glassrt, small: Path) -> None:
    output = glassrt("bench", small, *FEW).stdout
    assert "host, N = 4, 3 runs" in output
    assert "k_add_relu" in output
    assert "p99" in output


def test_percentiles() -> None:
    times = latency([float(value) for value in range(1, 102)])
    assert times == {"min": 1, "p50": 51, "p90": 91, "p99": 100, "mean": 51}
    assert throughput([2.0], []) == {"runs_per_second": 500, "samples_per_second": None}


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


def test_counts_must_be_positive(glassrt: Glassrt, small: Path) -> None:
    glassrt("bench", small, "--repeats", 0, code=2)
