"""Files of numpy arrays: read without trust, and written complete or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import GlassError, InputError
from .regular import open_regular

Array = np.ndarray[Any, Any]

_UNREADABLE = (OSError, ValueError, EOFError, MemoryError, KeyError, NotImplementedError, zipfile.BadZipFile)


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file; InputError when it is none. Nothing in it is ever unpickled."""
    found = _load(path, ".npz")
    if not isinstance(found, dict):
        raise InputError(f"{path.name} holds a single array without a name", "save it with numpy.savez")
    return found


def read_array(path: Path) -> Array:
    """The array of an .npy file; InputError when it is none."""
    found = _load(path, ".npy")
    if isinstance(found, dict):
        raise InputError(f"{path.name} holds arrays by name", "call it .npz")
    return found


def _load(path: Path, kind: str) -> Array | dict[str, Array]:
    try:
        with open_regular(path) as file:
            content: Any = np.load(file, allow_pickle=False)
            if isinstance(content, np.lib.npyio.NpzFile):
                return {name: content[name] for name in content.files}
            return np.asarray(content)
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"cannot read {path.name} as {kind}: {reason}") from None


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file of arrays by name; the same arrays give the same bytes."""

    def write(partial: Path) -> None:
        with zipfile.ZipFile(partial, "x") as archive:
            for name, array in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)

    write_whole(path, write)


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
