"""Without a GPU, commands say where they run instead, and take numpy, which is done sooner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt.errors import DeviceError
from glassrt.runtime import discovery

from ...places import DIGITS
from .support import Glassrt

ABSENT = "there is no GPU that this process may use"
IN_NUMPY = "in numpy, which is done sooner than kernels for the host; --device host runs those"


@pytest.fixture(autouse=True)
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        @staticmethod
        def device_count() -> int:
            return 0

        @staticmethod
        def present_figures(ordinal: int) -> None:
            raise DeviceError("there is no cuda:0")

    monkeypatch.setattr(discovery, "_cuda_module", lambda: Cuda)


def said(text: str) -> str:
    return " ".join(text.split())


def test_a_run_is_interpreted_and_says_so(glassrt: Glassrt, digits_plan: Path, small: Path) -> None:
    for subject, size in ((digits_plan, "N=2"), (DIGITS, "N=2"), (small, "N=3")):
        result = glassrt("run", subject, "--size", size, "--json")
        assert f"{ABSENT}: interpreted {IN_NUMPY}" in said(result.stderr)
        found = json.loads(result.stdout)
        assert (found["device"], found["level"]) == (None, "launch")


def test_the_precision_counts_there_too(glassrt: Glassrt, tmp_path: Path) -> None:
    """What is interpreted is what the passes made, with their roundings."""
    found = {}
    for precision in ("fp32", "fp16"):
        shown = glassrt("run", DIGITS, "--size", "N=2", "-p", precision, "--json").stdout
        found[precision] = json.loads(shown)["outputs"][0]["mean"]
    assert found["fp32"] != found["fp16"] and abs(found["fp32"] - found["fp16"]) < 1e-2


def test_a_named_device_is_taken_without_a_word(glassrt: Glassrt, small: Path) -> None:
    result = glassrt("run", small, "--device", "host")
    assert "ran on host" in result.stderr and ABSENT not in said(result.stderr)


def test_a_bench_on_the_host_says_that_it_is_slow(glassrt: Glassrt, small: Path) -> None:
    shown = said(glassrt("bench", small, "--repeats", "1", "--no-profile").stderr)
    assert f"{ABSENT}: it runs on the host device" in shown


def test_a_check_without_kernels_says_so(glassrt: Glassrt) -> None:
    result = glassrt("check", DIGITS, "--size", "N=1")
    assert f"{ABSENT}: the ops of every launch are checked {IN_NUMPY}" in said(result.stderr)
    assert "numpy, without kernels, N = 1" in result.stdout and "within bounds" in result.stdout
    found = json.loads(glassrt("check", DIGITS, "--size", "N=1", "--json").stdout)
    assert found["ok"] and found["launches"] == [] and found["outputs"] and found["rewrites"]


def test_a_bisection_is_interpreted(glassrt: Glassrt) -> None:
    shown = glassrt("check", DIGITS, "--bisect", "--size", "N=1")
    assert "no decision breaks the model" in shown.stdout and IN_NUMPY in said(shown.stderr)
