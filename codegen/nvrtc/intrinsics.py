"""The texts of the intrinsics headers that kernels include."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
from collections.abc import Mapping
from types import MappingProxyType

from ...templates import include


@functools.cache
def headers() -> Mapping[str, str]:
    """All headers as file name -> text, sorted by name; with those for the host device only (`.hpp`)."""
    files = importlib.resources.files(include).iterdir()
    texts = {file.name: file.read_text("utf-8") for file in files if file.name.endswith((".cuh", ".hpp"))}
    return MappingProxyType(dict(sorted(texts.items())))


@functools.cache
def device_headers() -> Mapping[str, str]:
    """The headers that NVRTC needs, as file name -> text: those of `headers()` that are `.cuh` files."""
    return MappingProxyType({name: text for name, text in headers().items() if name.endswith(".cuh")})


def content_hash(texts: Mapping[str, str]) -> str:
    """SHA-256 (hex) over the names and texts of headers; a change of any header changes it."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        for part in (name.encode(), texts[name].encode()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()
