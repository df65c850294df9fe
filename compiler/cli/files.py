"""Writing files that are complete or not there at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer

from ...errors import GlassError
from ..array_files import Array, read_arrays, write_arrays, write_whole

__all__ = [
    "Array",
    "check_output",
    "read_arrays",
    "write_arrays",
    "write_bytes",
    "write_folder",
    "write_whole",
]


def check_output(path: Path, option: str) -> None:
    """Refuse, before any work is done, a path that no file can be put at."""
    if path.exists() and not path.is_file():
        raise typer.BadParameter(f"{path} is there and is not a regular file", param_hint=option)
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}", param_hint=option)


def write_bytes(path: Path, data: bytes) -> None:
    """As `write_whole`, for content at hand."""
    write_whole(path, lambda partial: partial.write_bytes(data))


def write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts by file name into FOLDER, which is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GlassError(f"cannot make the folder {folder}: {error.strerror or error}") from None
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
