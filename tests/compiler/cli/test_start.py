"""The start of a command can be interrupted, while it loads too."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...places import DIGITS
from .interrupted import START, interrupted

MOMENTS = (0.05, 0.15, 0.3, 0.6, 1.0, 1.6)  # seconds after Python is there; imports take the first
# They load the same modules: what differs is in the later moments, of which each has one.
COMMANDS = {"build": MOMENTS, "run": MOMENTS[-1:], "check": MOMENTS[-2:-1]}


@pytest.mark.parametrize(
    ("command", "delay"), [(command, delay) for command, moments in COMMANDS.items() for delay in moments]
)
def test_an_interruption_at_any_moment(tmp_path: Path, command: str, delay: float) -> None:
    options = ("-t", "host", "-t", "sm_90a", "-o", tmp_path / "net.plan") if command == "build" else ()
    result = interrupted(START, command, DIGITS, "--no-cache", *options, delay=delay)
    last = result.stderr.splitlines()[-1:]  # what was said of sizes and devices before it stays
    assert result.returncode == 0 or (result.returncode, last) == (130, ["interrupted"]), result.stderr
    assert "Traceback" not in result.stderr and "Exception ignored" not in result.stderr
    assert result.returncode == 0 or list(tmp_path.iterdir()) == []
