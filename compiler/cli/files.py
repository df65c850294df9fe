"""Reading and writing files: arrays, and outputs that are complete or not there at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import typer

from ...errors import GlassError, InputError

Array = np.ndarray[Any, Any]


def check_output(path: Path, option: str) -> None:
    """Refuse, before any work is done, a path that no file can be put at."""
    if path.exists() and not path.is_file():
        raise typer.BadParameter(f"{path} is there and is not a regular file", param_hint=option)
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}", param_hint=option)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Give PATH the content that WRITE puts into a new file: all of it, or PATH stays as it was."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        write(partial)
        os.replace(partial, path)
    except OSError as error:
        raise GlassError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):  # normally already renamed away
            partial.unlink()


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


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file; InputError when it is none. Nothing in it is ever unpickled."""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError(f"{path.name} holds a single array without a name", "save it with numpy.savez")
        with archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path.name} as .npz: {error}") from None


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file of arrays by name; the same arrays give the same bytes."""

    def write(partial: Path) -> None:
        with zipfile.ZipFile(partial, "x") as archive:
            for name, array in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)

    write_whole(path, write)
