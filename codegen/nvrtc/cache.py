"""The on-disk cache of compiled kernels, addressed by a hash of everything that determines them.

Layout: `<root>/kernels-1/<key>.entry`, and beside it the source `<key>.cu` for humans to read. An entry is a
single file, so that it appears with one atomic rename: magic, SHA-256 of the rest, then key, log and cubin.
Processes may share the folder without locks: two that miss the same key both compile, and either file is
right. Problems with the cache are logged, never raised: an unusable folder only costs compile time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...runtime.caches import cache_root

_LOG = logging.getLogger("glassrt.cache")
_MAGIC = b"GLASSKC1"
_KEY_CHARACTERS = 64
_HEADER = len(_MAGIC) + hashlib.sha256().digest_size
_FOLDER = "kernels-1"
_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH
DEFAULT_LIMIT = 2 << 30


@dataclass(frozen=True)
class CacheEntry:
    """The result of a compilation: the cubin and the compiler's log."""

    cubin: bytes
    log: str


class KernelCache:
    """A folder of compiled kernels, private to the user.

    `trim` removes the least recently used entries beyond `limit_bytes`. No method raises for a problem with
    the folder: `usable` is False, or a warning is logged.
    """

    def __init__(self, root: Path | None = None, limit_bytes: int = DEFAULT_LIMIT) -> None:
        self.folder = (root if root is not None else cache_root()) / _FOLDER
        self.limit_bytes = limit_bytes
        self.usable = self._prepare()

    def load(self, key: str) -> CacheEntry | None:
        """The entry of KEY, which becomes the most recently used; None when it is absent or invalid.

        An invalid entry is removed, with a warning.
        """
        path = self._entry(key)
        if not self.usable:
            return None
        try:
            entry = _decode(_read_private(path), key)
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _LOG.warning("rebuilding the cached kernel %s: %s", path.name, error)
            self._remove(key)
            return None
        return entry

    def store(self, key: str, entry: CacheEntry, source: str) -> None:
        """Write ENTRY under KEY, and SOURCE beside it; a failure is logged as a warning."""
        if not self.usable:
            return
        try:
            _write_atomically(self.folder / f"{key}.cu", source.encode())
            _write_atomically(self._entry(key), _encode(key, entry))
        except OSError as error:
            _LOG.warning("cannot write to the kernel cache %s: %s", self.folder, error)

    def trim(self) -> None:
        """Remove the least recently used entries until the folder is within its limit."""
        if not self.usable:
            return
        used: dict[str, tuple[int, int]] = {}  # key -> (time of last use, bytes)
        for name, status in _files(self.folder):
            key = name.partition(".")[0]
            last, size = used.get(key, (0, 0))
            used[key] = (max(last, status.st_mtime_ns), size + status.st_size)
        total = sum(size for _, size in used.values())
        for key, (_, size) in sorted(used.items(), key=lambda item: item[1]):
            if total <= self.limit_bytes:
                break
            self._remove(key)
            total -= size

    def _entry(self, key: str) -> Path:
        return self.folder / f"{key}.entry"

    def _remove(self, key: str) -> None:
        for path in (self._entry(key), self.folder / f"{key}.cu"):
            with suppress(OSError):
                path.unlink()

    def _prepare(self) -> bool:
        """Make the folder private, and empty it if others could write to it; False if that is impossible."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            if self.folder.is_symlink():
                _LOG.warning("the kernel cache %s was a symbolic link: replaced by a folder", self.folder)
                self.folder.unlink()
            self.folder.mkdir(mode=0o700, exist_ok=True)
            status = self.folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or not _ours(status):
                _LOG.warning("not using the kernel cache %s: it belongs to another user", self.folder)
                return False
            if status.st_mode & _FOREIGN_WRITE:
                _LOG.warning("the kernel cache %s was writable by others: emptied", self.folder)
                self.folder.chmod(0o700)
                for key in {name.partition(".")[0] for name, _ in _files(self.folder)}:
                    self._remove(key)
            return True
        except OSError as error:
            _LOG.warning("not using the kernel cache %s: %s", self.folder, error)
            return False


def _encode(key: str, entry: CacheEntry) -> bytes:
    log = entry.log.encode()
    body = key.encode() + len(log).to_bytes(8, "little") + log + entry.cubin
    return _MAGIC + hashlib.sha256(body).digest() + body


def _decode(data: bytes, key: str) -> CacheEntry:
    """The entry in a file's bytes. Raises ValueError when it is damaged or belongs to another key."""
    body = memoryview(data)[_HEADER:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != data[len(_MAGIC) : _HEADER]:
        raise ValueError("its content does not match its checksum")
    if bytes(body[:_KEY_CHARACTERS]) != key.encode():
        raise ValueError("it is the entry of another kernel")
    start = _KEY_CHARACTERS + 8
    log_end = start + int.from_bytes(body[_KEY_CHARACTERS:start], "little")
    return CacheEntry(cubin=bytes(body[log_end:]), log=bytes(body[start:log_end]).decode())


def _read_private(path: Path) -> bytes:
    """The bytes of a file; raises ValueError unless it is a regular file that only this user can write."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or not _ours(status) or status.st_mode & _FOREIGN_WRITE:
            raise ValueError("it is not a regular file that only its owner can write")
        return file.read()


def _write_atomically(path: Path, data: bytes) -> None:
    # Named like a source, so that `trim` also removes what a killed process left behind.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix="new-", suffix=".cu")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The names and status of the cache's own files in FOLDER; other files are never touched."""
    with os.scandir(folder) as scan:
        for item in scan:
            if item.name.endswith((".entry", ".cu")):
                with suppress(FileNotFoundError):
                    yield item.name, item.stat(follow_symlinks=False)


def _ours(status: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or status.st_uid == os.getuid()
