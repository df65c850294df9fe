"""`glassrt calibrate --sensitivity` and `glassrt build --precision auto`."""

from __future__ import annotations

from pathlib import Path

from ...places import DIGITS
from .searched import AUTO, HELD_OUT
from .support import Glassrt


def test_labels_that_are_not_there(glassrt: Glassrt, tmp_path: Path) -> None:
    arguments = ("--budget", "top1=1", "--data", HELD_OUT, "--labels", f"{HELD_OUT}:digit")
    shown = glassrt("build", DIGITS, "-o", tmp_path / "p", *AUTO, *arguments, code=1)
    assert "digits_test.npz has no array 'digit'" in shown.stderr
