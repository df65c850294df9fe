"""Times, rates and the roofline, as `glassrt bench` prints them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from glassrt import Plan
from glassrt.compiler.benching import latency, throughput

from .cli.support import Glassrt

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


def test_kernels_need_not_be_timed(glassrt: Glassrt, small: Path) -> None:
    output = glassrt("bench", small, *FEW, "--no-profile").stdout
    assert "p99" in output and "k_add_relu" not in output
    assert "k_add_relu" in glassrt("bench", small, *FEW, "--profile").stdout


def test_percentiles() -> None:
    times = latency([float(value) for value in range(1, 102)])
    assert times == {"min": 1, "p50": 51, "p90": 91, "p99": 100, "mean": 51}
    assert throughput([2.0], None) == {"runs_per_second": 500, "samples_per_second": None}


def test_a_long_bench_goes_on_for_its_duration(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.ones((3, 4), np.float32))
    options = ("--duration", 0.3, "--percentile", "50,99.9", "--inputs", tmp_path / "x.npz", "--json")
    report = json.loads(glassrt("bench", small, *FEW, *options).stdout)
    assert report["symbols"] == {"N": 3} and len(report["times_ms"]) == report["runs"] > 3
    assert list(report["latency_ms"]) == ["min", "p50", "p99.9", "mean"]
    assert report["throughput_from_host"]["runs_per_second"] > 0 and len(report["times_from_host_ms"]) == 3
    assert "no percentile" in glassrt("bench", small, *FEW, "--percentile", "101", code=1).stderr
    assert "no list of numbers" in glassrt("bench", small, *FEW, "--percentile", "a", code=2).stderr


def test_counts_must_be_positive(glassrt: Glassrt, small: Path) -> None:
    glassrt("bench", small, "--repeats", 0, code=2)
