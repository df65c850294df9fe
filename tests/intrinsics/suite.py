"""All conformance cases, the headers that they are about, and where the record of a GPU lies."""

from __future__ import annotations

from pathlib import Path

from . import (
    suite_bulk,
    suite_bytes,
    suite_fast,
    suite_fragments,
    suite_memory,
    suite_packed,
    suite_scalars,
    suite_short,
    suite_small,
    suite_warp,
    suite_warpgroup,
)
from .cases import Case

HEADERS = Path(__file__).resolve().parents[2] / "templates" / "include"
RECORD = Path(__file__).parent / "gpu_record.json"


def all_cases() -> list[Case]:
    """Every case; their names are unique."""
    numbers = (suite_scalars, suite_small, suite_packed, suite_bytes, suite_fast, suite_short)
    suites = (suite_memory, suite_warp, suite_warpgroup, suite_fragments, suite_bulk, *numbers)
    return [case for suite in suites for case in suite.cases()]


def read_headers() -> dict[str, str]:
    """The texts of the headers that NVRTC sees, by file name."""
    return {path.name: path.read_text() for path in sorted(HEADERS.glob("*.cuh"))}
