"""A full disk: every command that writes says so in a line, and leaves no parts behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ...places import DIGITS
from .support import Glassrt

COMMANDS: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "build": lambda out: ("build", DIGITS, "-t", "host", "-o", out / "net.plan"),
    "build with dumps": lambda out: (
        *("build", DIGITS, "-t", "host", "-o", out / "net.plan"),
        *("--dump-dir", out / "dumps" / "inner"),
    ),
    "opt": lambda out: ("opt", DIGITS, "-o", out / "net.ir"),
    "opt with dumps": lambda out: ("opt", DIGITS, "--level", "launch", "--dump-dir", out / "dumps"),
    "run": lambda out: ("run", DIGITS, "--interpret", "-o", out / "y.npz"),
    "calibrate": lambda out: (
        *("calibrate", DIGITS, out.parent / "x.npz", "--device", "interpret"),
        *("-o", out / "table", "--trt-cache", out / "trt"),
    ),
}


@pytest.mark.parametrize("room", [0, 1, 2, 7])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(
    glassrt: Glassrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, room: int
) -> None:
    """After ROOM files."""
    np.savez(tmp_path / "x.npz", image=np.zeros((4, 1, 8, 8), np.float32))
    out = tmp_path / "out"
    out.mkdir()
    real, flushed = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal flushed
        flushed += 1
        if flushed > room and os.fstat(descriptor).st_nlink == 1:  # a file, not a folder
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    arguments = COMMANDS[command](out)
    result: Any = glassrt(*arguments, code=1 if room == 0 else None)
    if result.exit_code == 1:
        assert result.stderr.strip().splitlines()[-1].startswith("error: cannot write /")
        assert "No space left on device" in result.stderr
        left = sorted(path.name for path in out.rglob("*"))
        # Of a build whose plan has no room the dumps are there, all of them.
        assert left == [] or ("kernels" in left and "net.plan" not in left)
