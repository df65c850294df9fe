"""Files of numpy arrays: read without trust, and written complete or not at all."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

import numpy as np

from ...errors import InputError
from ...runtime.whole_files import write_whole
from .regular import open_regular

Array = np.ndarray[Any, Any]

MOST_NAME_BYTES = 60_000  # of the 65,535 of a ZIP file
_EMPTY = "%"
# Relative, without a step up or to itself, and no folder has the name of a file.
_PART = r"(?!\.\.?(?:/|$))[^/\\%\x00-\x1f\x7f\ud800-\udfff]+"
_PLAIN = re.compile(rf"(?:{_PART}(?<!\.npy)/)*{_PART}(?<!\.npy)")

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
                return {_array_name(name): content[name] for name in _members(content)}
            return np.asarray(content)
    except _UNREADABLE as error:
        raise InputError(f"cannot read {path.name} as {kind}: {_reason(error)}", _hint(path)) from None


def _reason(error: Exception) -> object:
    """Why a file cannot be read. numpy takes what it does not know for a pickle, and offers to execute it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if "Object arrays" in str(error):
        return "it holds Python objects, which are not read"
    return "it is no file of numpy arrays" if "pickle" in str(error) else error


def _hint(path: Path) -> str | None:
    """What to do with a file whose name says that it is no file of arrays."""
    if path.suffix in (".npy", ".npz") or not path.is_file():
        return None
    return "save arrays with numpy.savez('x.npz', name=array, ...)"


def _members(content: np.lib.npyio.NpzFile) -> list[str]:
    """The files of an archive that hold arrays."""
    archive = content.zip
    return [] if archive is None else [name for name in archive.namelist() if name.endswith(".npy")]


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file of arrays by name; the same arrays give the same bytes.

    A name that could not be a file's below the folder that the archive is unpacked in, or that another
    array's file could have, is stored with its bytes as `%2F`; `read_arrays` gives it back.
    """
    write_whole(path, lambda file: write_archive(file, arrays))


def write_archive(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """As `write_arrays`, into an open file."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(_member_name(name))
            with archive.open(member, "w", force_zip64=True) as content:
                np.lib.format.write_array(content, np.asarray(array), allow_pickle=False)


def _member_name(name: str) -> str:
    """The file of the array NAME in an archive; no two names share one."""
    if _PLAIN.fullmatch(name) is None:
        name = quote(name, safe="", errors="surrogatepass") or _EMPTY
    if len(name.encode()) > MOST_NAME_BYTES:
        raise InputError(f"the name {name[:64]!r}... is too long for a file of arrays")
    return f"{name}.npy"


def _array_name(member: str) -> str:
    """The name of the array in the file MEMBER, which others may have written: then it is its own."""
    stored = member.removesuffix(".npy")
    name = "" if stored == _EMPTY else unquote(stored, errors="surrogatepass")
    return name if len(name) <= MOST_NAME_BYTES and _member_name(name) == member else stored
