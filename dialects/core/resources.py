"""Weights: tensors named by the hash of their content, kept outside the IR text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from ...errors import IRError
from .dtypes import DTYPES, from_numpy

HASH_DIGITS = 20


class ResourceTable:
    """Content-addressed arrays. Adding the same content twice gives the same name."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self._names: dict[int, str] = {}

    def add(self, array: np.ndarray[Any, Any]) -> str:
        """Store ARRAY and return its name; the array must not be changed afterwards."""
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
        """A table of the same arrays, to which others can be added."""
        table = ResourceTable()
        table._arrays, table._names = dict(self._arrays), dict(self._names)
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

    def __len__(self) -> int:
        return len(self._arrays)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def save(self, path: Path) -> None:
        """Write all arrays as safetensors of raw bytes; dtype and shape stand in the metadata."""
        raw = {name: np.frombuffer(array.tobytes(), np.uint8) for name, array in self._arrays.items()}
        metadata = {
            name: f"{from_numpy(array.dtype)} {' '.join(str(n) for n in array.shape)}".strip()
            for name, array in self._arrays.items()
        }
        save_file(raw, path, metadata=metadata or None)  # an empty table would make a broken header

    @staticmethod
    def load(path: Path) -> ResourceTable:
        """Read a sidecar; IRError when it is damaged or a content hash does not fit."""
        table = ResourceTable()
        try:
            raw = load_file(path)
            metadata = _read_metadata(path)
            for name, data in raw.items():
                dtype, *shape = metadata[name].split()
                array = data.view(DTYPES[dtype].numpy).reshape([int(n) for n in shape])
                if table.add(array) != name:
                    raise IRError(f"{path.name}: the content of @{name} does not fit its hash")
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise IRError(f"{path.name} is not a readable weights file: {error}") from None
        return table


def _read_metadata(path: Path) -> dict[str, str]:
    """The `__metadata__` table of a safetensors file."""
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata() or {})


def content_name(array: np.ndarray[Any, Any]) -> str:
    """`w` and the leading hex digits of SHA-256 over dtype, shape and bytes."""
    digest = hashlib.sha256(f"{from_numpy(array.dtype)} {array.shape}\n".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b"")
    return "w" + digest.hexdigest()[:HASH_DIGITS]
