"""The command: it ends with 1 where something was wrong, and tries saved models again."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.testing.__main__ import ProgressPrinter, main
from glassrt.testing.agreement import ModelVerdict
from glassrt.testing.campaigns import Campaign, Finding, Summary, save
from glassrt.testing.random_graphs import seeded


def test_graphs_that_are_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--graphs", "2", "--most", "2", "--save", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("2 graphs, 0 with faults")
    assert not list(tmp_path.iterdir())


def test_a_saved_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = seeded(1)
    path = save(tmp_path / "one", graph.model, graph.feeds)
    assert main(["--model", str(path)]) == 0
    assert "1 graphs, 0 with faults" in capsys.readouterr().out


def test_a_fault_is_shown_with_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ProgressPrinter(Campaign(seed=4))
    finding = Finding(6, (ModelVerdict("wrong", "graph", "off"),), saved=Path("f.onnx"))
    summary = Summary()
    summary.note(finding)
    progress(summary, finding)
    assert capsys.readouterr().out.splitlines() == [
        "6: wrong (graph) off",
        "  python -m glassrt.testing --seed 4 --first 6 --graphs 1 --most 8",
        "  python -m glassrt.testing --model f.onnx --inputs f.npz",
    ]
