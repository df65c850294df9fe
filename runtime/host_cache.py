"""A private cache of compiled files, addressed by their inputs and verified by their content.

An entry is `<key>.<sha256 of the content><suffix>`. It appears by one atomic rename, so that readers
see all of it or nothing. The hash in its name detects a damaged or swapped entry, which is deleted and
rebuilt. The folder is accessible to its user alone (mode 0700).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from ..errors import DeviceError
from .caches import cache_root
from .leftovers import cleared, cleared_at_the_end

# Beyond this many entries the oldest are deleted; a plan makes one entry of a few hundred kB.
MOST_ENTRIES = 2000


class CompiledCache:
    """Looks up entries by key, and builds those that are missing or damaged."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = _private_folder(cache_root() / "host" if folder is None else folder)

    def get(self, key: str, suffix: str, build: Callable[[Path], None]) -> Path:
        """The path of the entry; `build(path)` writes the file if there is none. Raises `DeviceError`."""
        return self.find(key, suffix) or self._make(key, suffix, build)

    def find(self, key: str, suffix: str) -> Path | None:
        """The intact entry of a key, or None; damaged ones are deleted with a warning."""
        for path in sorted(self.folder.glob(f"{key}.*{suffix}")):
            if _digest_of(path) == path.name[len(key) + 1 : -len(suffix)]:
                with suppress(OSError):
                    os.utime(path)
                return path
            warnings.warn(f"damaged cache entry {path.name} deleted; it is made again", stacklevel=2)
            with suppress(OSError):
                path.unlink()
        return None

    def _make(self, key: str, suffix: str, build: Callable[[Path], None]) -> Path:
        try:
            with self._new_file(suffix) as new:
                build(new)
                new.chmod(0o700)  # independent of the umask: a file that others can write is not trusted
                path = self.folder / f"{key}.{_digest_of(new)}{suffix}"
                new.replace(path)
        except OSError as error:
            raise DeviceError(
                f"cannot keep compiled kernels in {self.folder}: {error.strerror or error}",
                hint="make room there, or name another folder in GLASSRT_CACHE_DIR",
            ) from error
        self._prune()
        return path

    @contextmanager
    def _new_file(self, suffix: str) -> Iterator[Path]:
        """A new file to fill and rename; deleted afterwards if it was not renamed."""
        handle, name = tempfile.mkstemp(suffix=suffix, prefix="new-", dir=self.folder)
        os.close(handle)
        with cleared(lambda: Path(name).unlink(missing_ok=True)):
            yield Path(name)

    def _prune(self) -> None:
        with suppress(OSError):
            entries = [entry for entry in os.scandir(self.folder) if entry.is_file(follow_symlinks=False)]
            entries.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime)
            for entry in entries[: max(0, len(entries) - MOST_ENTRIES)]:
                os.unlink(entry.path)


def _digest_of(path: Path) -> str | None:
    """The SHA-256 of a regular file; None for a symbolic link or anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
            return None
        return hashlib.file_digest(file, "sha256").hexdigest()


def _empty(folder: Path) -> None:
    """Delete the files and links in FOLDER."""
    warnings.warn("the cache folder was writable for others; it is emptied", stacklevel=4)
    for entry in os.scandir(folder):
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)


def _private_folder(folder: Path) -> Path:
    """The folder, created if necessary; a temporary one if it cannot be private to the user."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if ours:
            if status.st_mode & 0o022:
                _empty(folder)  # another user may have put files there
            if status.st_mode & 0o077:
                folder.chmod(0o700)
            if os.access(folder, os.W_OK | os.X_OK):
                return folder
    except OSError:
        pass
    fallback = _fallback(os.getpid())
    warnings.warn(f"the cache folder is not private or not writable; using {fallback}", stacklevel=3)
    return fallback


@cache
def _fallback(process: int) -> Path:
    """A temporary folder for this PROCESS, deleted when it ends; all plans of the process share it."""
    folder = Path(tempfile.mkdtemp(prefix="glassrt-"))

    def clear() -> None:
        if os.getpid() == process:  # not in a forked child
            shutil.rmtree(folder, ignore_errors=True)

    cleared_at_the_end(clear)
    return folder
