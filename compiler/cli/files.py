"""Files that the commands write."""

from __future__ import annotations

from pathlib import Path

import typer


def check_output(path: Path, option: str) -> None:
    """Raise typer.BadParameter, before any work is done, for a PATH where no file can be written."""
    if path.exists() and not path.is_file():
        raise typer.BadParameter(f"{path} exists and is not a regular file", param_hint=option)
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}", param_hint=option)
