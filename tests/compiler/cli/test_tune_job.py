"""What `glassrt tune` gives back."""

from __future__ import annotations

from pathlib import Path

from glassrt.compiler.cli.tune_job import TuneReport


def test_a_plan_without_anything_to_measure() -> None:
    report = TuneReport(Path("net.plan"), [], ["a note"])
    assert report.to_json() == {"plan": "net.plan", "kernels": [], "notes": ["a note"]}
    assert str(report) == "net.plan: 0 kernels were measured"
