"""Weights: tensors named by the hash of their content, stored outside the IR text."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from ...errors import IRError
from .dtypes import DTYPES, from_numpy

HASH_DIGITS = 20
_LENGTH = struct.Struct("<Q")  # the header length of a safetensors file


class ResourceTable:
    """Content-addressed arrays: equal content has one name.

    partial: the table of a text that was read without its weights; rules that look at them leave out those
    that it lacks.
    """

    def __init__(self) -> None:
        self.partial = False
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self._names: dict[int, str] = {}

    def add(self, array: np.ndarray[Any, Any]) -> str:
        """Store ARRAY and return its name; the array must not be modified afterwards."""
        known = self._names.get(id(array))
        if known is not None:
            return known
        array = np.ascontiguousarray(array).reshape(array.shape)
        name = content_name(array)
        kept = self._arrays.setdefault(name, array)
        kept.setflags(write=False)
        self._names[id(kept)] = name
        return name

    def copy(self) -> ResourceTable:
        """A table of the same arrays; adding to it does not affect this one."""
        table = ResourceTable()
        table._arrays, table._names = dict(self._arrays), dict(self._names)
        table.partial = self.partial
        return table

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        try:
            return self._arrays[name]
        except KeyError:
            raise IRError(
                f"the weight @{name} is not among the module's resources",
                "keep the .weights file that was written beside the .ir file",
            ) from None

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def lacks(self, name: str) -> bool:
        """Whether NAME may be missing here, and is."""
        return self.partial and name not in self._arrays

    def __len__(self) -> int:
        return len(self._arrays)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def write(self, file: BinaryIO) -> None:
        """Write all arrays as a safetensors file of raw bytes, with dtype and shape in the metadata."""
        header = json.dumps(self._header(), separators=(",", ":")).encode()
        header += b" " * (-len(header) % _LENGTH.size)
        file.write(_LENGTH.pack(len(header)) + header)
        for array in self._arrays.values():
            file.write(raw_bytes(array))

    def _header(self) -> dict[str, Any]:
        """The header of a safetensors file: the byte range of every array."""
        header: dict[str, Any] = {
            "__metadata__": {
                name: f"{from_numpy(array.dtype)} {' '.join(str(n) for n in array.shape)}".strip()
                for name, array in self._arrays.items()
            }
        }
        end = 0
        for name, array in self._arrays.items():
            start, end = end, end + array.nbytes
            header[name] = {"dtype": "U8", "shape": [array.nbytes], "data_offsets": [start, end]}
        return header

    @staticmethod
    def load(path: Path) -> ResourceTable:
        """Read a weights file. Raises IRError if it is damaged or a content hash does not match."""
        table = ResourceTable()
        try:
            # Read once, not mapped: what is checked is what is used, even if the file changes meanwhile.
            content = path.read_bytes()
            raw, metadata = load(content), _read_metadata(content)
            for name, data in raw.items():
                dtype, *shape = metadata[name].split()
                array = data.view(DTYPES[dtype].numpy).reshape([int(n) for n in shape])
                if table.add(array) != name:
                    raise IRError(f"{path.name}: the content of @{name} does not fit its hash")
        except (SafetensorError, KeyError, ValueError, AttributeError, OSError) as error:
            raise IRError(f"{path.name} is not a readable weights file: {error}") from None
        return table


def _read_metadata(content: bytes) -> dict[str, str]:
    """The `__metadata__` table of a well-formed safetensors file."""
    (length,) = _LENGTH.unpack_from(content)
    header = json.loads(content[_LENGTH.size : _LENGTH.size + length])
    return dict(header.get("__metadata__") or {})


def raw_bytes(array: np.ndarray[Any, Any]) -> memoryview:
    """The bytes of ARRAY in row-major order; a view if it is contiguous."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8).data if array.size else memoryview(b"")


def content_name(array: np.ndarray[Any, Any]) -> str:
    """`w` and the leading hex digits of SHA-256 over dtype, shape and bytes."""
    digest = hashlib.sha256(f"{from_numpy(array.dtype)} {array.shape}\n".encode())
    digest.update(raw_bytes(array))
    return "w" + digest.hexdigest()[:HASH_DIGITS]
