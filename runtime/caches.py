"""Common parts of the caches of compiled kernels, for the GPU and for the host: keys and folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def content_key(parts: Iterable[str]) -> str:
    """SHA-256 (hex) over the parts; each is preceded by its length, so that different lists differ."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def cache_root() -> Path:
    """The folder of all caches: `$GLASSRT_CACHE_DIR`, else `glassrt` in the user's XDG cache folder."""
    chosen = os.environ.get("GLASSRT_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "glassrt"
