"""The options of every command: notes and debug output, for as long as the command runs."""

from __future__ import annotations

import os
from pathlib import Path

import typer
from glassrt.compiler.cli.app import app

from .support import Glassrt

SHARED = {"--quiet", "-q", "--verbose", "-v", "--log-level"}


def test_every_command_has_them_and_short_help() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert len(commands) >= 9
    for name, command in commands.items():
        spelled = {option for each in command.params for option in each.opts}
        assert spelled >= SHARED, name


def test_notes_and_stages(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    arguments = ("run", small, "-d", "host")
    assert "ran on host" in glassrt(*arguments).stderr
    assert glassrt(*arguments, "--quiet").stderr == ""
    assert "stage launch: " in glassrt(*arguments, "-v").stderr
    passes = glassrt(*arguments, "--log-level", "passes").stderr
    assert "pass precision-to-launch: " in passes and glassrt(*arguments, "-vv").stderr.count("pass ")
    assert "GLASSRT_DEBUG" not in os.environ
