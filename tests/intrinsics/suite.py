"""All conformance cases, and the hash of what they vouch for."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..places import ROOT
from . import suite_bulk, suite_fast, suite_memory, suite_packed, suite_scalars, suite_warp
from .cases import Case

HEADERS = ROOT / "templates" / "include"
RECORD = Path(__file__).parent / "gpu_record.json"


def all_cases() -> list[Case]:
    """Every case; their names are unique."""
    suites = (suite_memory, suite_warp, suite_bulk, suite_scalars, suite_packed, suite_fast)
    return [case for suite in suites for case in suite.cases()]


def read_headers() -> dict[str, str]:
    """The texts of the headers that NVRTC sees, by file name."""
    return {path.name: path.read_text() for path in sorted(HEADERS.glob("*.cuh"))}


def headers_hash() -> str:
    """SHA-256 (hex) of names and texts of those headers."""
    digest = hashlib.sha256()
    for name, text in read_headers().items():
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()
