"""Bars of progress."""

from __future__ import annotations

import io

import pytest
from glassrt.compiler.cli import progress
from rich.console import Console


def told(monkeypatch: pytest.MonkeyPatch, *steps: tuple[int, int]) -> str:
    """What a terminal shows of a bar that was told (done, total) of each of STEPS."""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(progress, "err", lambda: terminal)
    with progress.BuildProgress() as bars:
        for done, total in steps:
            bars.tell("calibrate", done, total)
    return terminal.file.getvalue()


def test_a_bar_without_a_known_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that come from an iterable: how many were run, and at the end of how many."""
    shown = told(monkeypatch, (0, 0), (1, 0), (2, 0))
    assert "calibrate" in shown and "2/?" in shown
    shown = told(monkeypatch, (0, 0), (1, 0), (2, 0), (3, 3))
    assert "3/3" in shown and "3/?" not in shown


def test_a_stage_that_counted_ends_with_its_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "5/5" in told(monkeypatch, (0, 5), (4, 5), (1, 1))
