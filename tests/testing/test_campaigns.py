"""Campaigns: every graph gets its verdicts, faults are made small and saved, and no process is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt.dialects.graph.binary import Mul
from glassrt.testing import campaigns as module
from glassrt.testing.agreement import ModelVerdict
from glassrt.testing.campaigns import Campaign, Finding, Summary, fuzz, tried, tried_file
from glassrt.testing.draft import Draft, Unfit
from glassrt.testing.makers import MAKERS as MAKERS_THERE

SAMPLE = 40


def test_a_sample_is_right() -> None:
    """The sample that runs with the tests; `make fuzz` has more."""
    summary = Summary()
    for number in range(SAMPLE):
        summary.note(tried(Campaign(seed=28, most=6), number))
    assert not summary.faults, summary.faults
    assert summary.kinds["graph", "agreed"] > 0.9 * SAMPLE, str(summary)


def test_a_sample_by_kernels_is_right() -> None:
    campaign = Campaign(seed=29, most=3, device="host")
    found = [tried(campaign, number) for number in range(3)]
    assert not [finding.faults for finding in found if finding.faults]
    assert any(v.where == "host, fp32" and v.kind == "agreed" for each in found for v in each.verdicts)


def test_a_fault_is_made_small_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(seed=3, save=tmp_path)
    number = next(n for n in range(50) if {"Mul"} < set(campaign.graph(n).ops))
    monkeypatch.setattr(Mul, "compute", lambda self, x, y: x * y + np.float32(0.5))
    finding = tried(campaign, number)
    assert finding.faults and finding.saved is not None
    model = onnx.load(finding.saved)
    assert [node.op_type for node in model.graph.node] == ["Mul"]
    again = tried_file(finding.saved, finding.saved.with_suffix(".npz"), None)
    assert [fault.kind for each in again.faults for fault in each.faults] == ["wrong", "wrong"]


def test_the_command_tries_the_same_graph() -> None:
    campaign = Campaign(graphs=9, first=2, seed=5, most=4, device="host", special=True)
    assert campaign.command(7) == (
        "python -m glassrt.testing --seed 5 --first 7 --graphs 1 --most 4 --device host --special"
    )


def test_processes_give_what_one_gives() -> None:
    campaign = Campaign(graphs=4, first=10, metamorphic=True, most=3)
    found: list[Finding] = []
    summary = fuzz(campaign, jobs=2, told=lambda _, finding: found.append(finding))
    assert summary.graphs == 4 and not summary.faults
    alone = [tried(campaign, number) for number in range(10, 14)]
    assert sorted(found, key=lambda each: each.number) == alone


def test_a_campaign_ends_in_time() -> None:
    assert fuzz(Campaign(graphs=1000), seconds=0).graphs == 0


MAKERS = """
import os
from glassrt.testing import node_maker

@node_maker
def planted(d):
    if d.integer(0, 1):
        {act}
    return d.add("Neg", d.pick())
"""


def own_makers(folder: Path, act: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with the maker `planted`, which ACTs in half of the graphs."""
    name = f"own_makers_{folder.name}"
    (folder / f"{name}.py").write_text(MAKERS.replace("{act}", act))
    monkeypatch.syspath_prepend(folder)
    return name


def test_a_process_that_dies_is_a_fault_of_its_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = own_makers(tmp_path, "os._exit(7)", monkeypatch)
    summary = fuzz(Campaign(graphs=4, most=1, modules=(name,), must=("planted",)))
    assert summary.graphs == 4 and 0 < len(summary.faults) < 4
    assert all(
        finding.faults == [ModelVerdict("untyped", "process", "the process ended with 7")]
        for finding in summary.faults
    )


def test_a_graph_that_takes_too_long_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SECONDS", 4.0)
    name = own_makers(tmp_path, "while True: pass", monkeypatch)
    summary = fuzz(Campaign(graphs=2, first=2, most=1, modules=(name,), must=("planted",)))
    assert summary.faults[0].faults[0].text == "more than 4 s"


def test_what_fits_no_graph_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(d: Draft) -> str:
        raise Unfit("never")

    monkeypatch.setitem(MAKERS_THERE, "never", never)
    (verdict,) = tried(Campaign(must=("never",)), 0).verdicts
    assert verdict == ModelVerdict("refused", "harness", "InputError: no graph of 20 has a place for never")


def test_a_summary_counts_refusals_by_reason() -> None:
    summary = Summary()
    for number in (1, 2):
        summary.note(Finding(number, (ModelVerdict("refused", "import", f"UnsupportedError: no {number}"),)))
    assert "refused 2: UnsupportedError: no #" in str(summary)
