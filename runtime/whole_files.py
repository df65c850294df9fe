"""Atomic writes: a file is complete or absent. GlassRT writes everything that a user asked for this way."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import GlassError, InputError
from .expressions import clip
from .leftovers import cleared

Write = Callable[[BinaryIO], object]


def content(data: bytes) -> Write:
    """A writer of DATA."""
    return lambda file: file.write(data)


def path_of(path: object, error: type[GlassError] = InputError) -> Path:
    """PATH as a `Path`. Raises ERROR for a value that cannot be a file's path."""
    try:
        found = Path(path)  # type: ignore[arg-type]
    except TypeError:
        raise error(f"a path is text or a PathLike, not {type(path).__name__}") from None
    if "\0" in str(found) or not found.name:
        raise error(f"{clip(str(path))} is not the path of a file")
    return found


class WholeFiles:
    """Files that appear together if the `with` block succeeds, and leave nothing behind if it fails.

    Each is written to a temporary file next to its destination and flushed to disk; all are renamed at the
    end. A write error raises ERROR, naming the file and the reason.
    """

    def __init__(self, error: type[GlassError] = GlassError) -> None:
        self._error = error
        self._partials: dict[Path, Path] = {}
        self._cleared = ExitStack()

    def write(self, path: Path, write: Write) -> None:
        """Let WRITE fill the file that will appear as PATH."""
        if not self._partials:
            self._cleared.enter_context(cleared(self._discard))
        partial = path.parent / f".glassrt-{secrets.token_hex(8)}.partial"
        self._partials[partial] = path
        try:
            with open(partial, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise self._failed(path, problem) from None

    def __enter__(self) -> WholeFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._appear()
        finally:
            self._cleared.close()

    def _discard(self) -> None:
        for partial in self._partials:
            with suppress(OSError):  # usually renamed already
                partial.unlink()

    def _appear(self) -> None:
        for partial, path in self._partials.items():
            try:
                os.replace(partial, path)
                _sync(path.parent)
            except OSError as problem:
                raise self._failed(path, problem) from None

    def _failed(self, path: Path, problem: OSError) -> GlassError:
        return self._error(f"cannot write {path}: {problem.strerror or problem}")


def write_whole(path: Path, write: Write, error: type[GlassError] = GlassError) -> None:
    """Replace PATH atomically with the content that WRITE produces; on failure PATH is unchanged."""
    with WholeFiles(error) as files:
        files.write(path, write)


class WholeFolder:
    """A folder of files that are written one by one, each atomically.

    If one cannot be written, those before it, and the folders created for them, are removed again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Path] = []

    @staticmethod
    def of(folder: Path | WholeFolder | None) -> WholeFolder | None:
        """FOLDER itself, or a `WholeFolder` for a path; None for None."""
        return WholeFolder(folder) if isinstance(folder, Path) else folder

    def write(self, name: str, write: Write) -> None:
        """Let WRITE fill the file NAME, which may be in a subfolder. Raises `GlassError`."""
        path = self._folder / name
        try:
            self._make(path.parent)
            new = not path.exists()
            write_whole(path, write)
        except BaseException as error:
            self._take_away()
            if not isinstance(error, OSError):
                raise
            raise GlassError(f"cannot write {path}: {error.strerror or error}") from None
        if new:
            self._made.append(path)

    def _make(self, folder: Path) -> None:
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir()
            self._made.append(parent)

    def _take_away(self) -> None:
        for path in reversed(self._made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        self._made.clear()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
