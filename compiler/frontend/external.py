"""External data: tensors stored in files beside the model file.

A model names its external files, so this reader trusts nothing. It reads only regular files inside the
model's own folder, reached without symbolic links and without hard links (which could name any file of the
disk), and only bytes that the file has. These are read once and kept in memory: if a memory-mapped file were
truncated or modified later, the build would be killed by a signal, or contents that were hashed would change.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto

from .file_content import FileContent
from .problems import Malformed, shown

_OPEN_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
_OPEN_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class ExternalFiles:
    """The external files of one model in FOLDER (None: there are none), read on demand."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, FileContent] = {}

    def read(self, proto: TensorProto, wanted: int) -> memoryview:
        """The WANTED bytes of an externally stored tensor, as a view of the file's content.

        Raises Malformed where its entry is invalid or the file cannot be read.
        """
        entries = {entry.key: entry.value for entry in proto.external_data}
        if len(entries) != len(proto.external_data):
            raise Malformed("its external data has an entry twice")
        if "location" not in entries:
            raise Malformed("its external data has no location")
        offset = _number(entries, "offset", 0)
        length = _number(entries, "length", wanted)
        if length != wanted:
            raise Malformed(f"its external data has {length} bytes, but its shape needs {wanted}")
        location = entries["location"]
        content = self._content(location)
        if offset + length > content.size:
            raise Malformed(
                f"its external data ends at byte {offset + length} of {shown(location)}, "
                f"which has {content.size}"
            )
        try:
            return content.read(offset, offset + length)
        except (OSError, ValueError) as error:
            raise Malformed(f"its external data {shown(location)} cannot be read: {error}") from None

    def _content(self, location: str) -> FileContent:
        if location not in self._files:
            self._files[location] = self._opened(location)
        return self._files[location]

    def _opened(self, location: str) -> FileContent:
        if self._folder is None:
            raise Malformed("it has external data, but the model was not given as a path")
        handle = _open(self._folder, _parts(location), location)
        try:
            size = _size_of(handle, location)
            return FileContent(handle, size)
        except (OSError, OverflowError):
            os.close(handle)
            raise Malformed(f"its external data {shown(location)} is larger than memory") from None
        except Malformed:
            os.close(handle)
            raise


def _size_of(handle: int, location: str) -> int:
    """The size in bytes of an open file, which must be a regular file without further hard links."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise Malformed(f"its external data {shown(location)} is not a regular file")
    if status.st_nlink != 1:
        raise Malformed(f"its external data {shown(location)} is a hard link")
    return status.st_size


def _number(entries: dict[str, str], key: str, default: int) -> int:
    text = entries.get(key)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Malformed(f"the {key} of its external data is {shown(text)}, not a byte count")
    return int(text)


def _parts(location: str) -> tuple[str, ...]:
    """The components of LOCATION, which must stay inside the folder."""
    path = PurePosixPath(location)
    wrong = not path.parts or path.is_absolute() or ".." in path.parts or "\0" in location or "\\" in location
    if wrong:
        raise Malformed(f"its external data {shown(location)} is not a path inside the model's folder")
    return path.parts


def _open(folder: Path, parts: tuple[str, ...], location: str) -> int:
    """Open the file component by component, so that no symbolic link below FOLDER is followed."""
    current = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _OPEN_FOLDER, dir_fd=current)
            os.close(current)
            current = inner
        return os.open(parts[-1], _OPEN_FILE, dir_fd=current)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Malformed(f"its external data {shown(location)} cannot be opened: {reason}") from None
    finally:
        os.close(current)


def external_files(path: Path) -> list[Path]:
    """The files beside the ONNX model at PATH that hold its tensors; none where it cannot be read."""
    try:
        model = ModelProto.FromString(path.read_bytes())
    except (OSError, DecodeError):
        return []
    found = {
        entry.value: None
        for tensor in _tensors(model)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [path.parent / name for name in found]


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """All tensors that MODEL stores: initializers and attributes, of subgraphs and functions, too."""
    graphs, nodes = [model.graph], [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if not nodes:
            graph = graphs.pop()
            yield from graph.initializer
            nodes += graph.node
            continue
        for attribute in nodes.pop().attribute:
            yield from (attribute.t, *attribute.tensors)
            graphs += (attribute.g, *attribute.graphs)
