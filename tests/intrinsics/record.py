"""What a GPU has proved of the intrinsics: the record of the last run, and what has changed since.

Usage: python tests/intrinsics/record.py

Lists the cases that are unproven, each with what changed, and ends with 1 when there are any.
Needs numpy and ml_dtypes, as the run on the GPU does; not an installed glassrt.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run by its path, from a folder in which nothing is installed
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    __package__ = "intrinsics"

from .cases import read_source
from .suite import RECORD, all_cases, read_headers

HOW = "run `python benchmarks/intrinsics_gpu.py` on a GPU"
PASSED = "passed"
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*[(<]")
_KERNEL = re.compile(r"GLASS_KERNEL\([^)]*\)\s*(\w+)")
_INCLUDED = re.compile(r'#include "(\w+\.cuh)"')
_COMMENT = re.compile(r"//[^\n]*")
_WORD = re.compile(r"\w+")
_LANGUAGE = frozenset(
    {"if", "for", "while", "switch", "return", "sizeof", "alignas", "static_cast", "reinterpret_cast"}
)
_EVERYTHING = "glass.cuh"  # includes all others


def read_record() -> dict[str, Any]:
    """The record of the last run."""
    record: dict[str, Any] = json.loads(RECORD.read_text())
    return record


def hashes() -> dict[str, str]:
    """The kernels and headers of now, by name with the hash of each."""
    sources = {f"{case.source}.cu": read_source(case.source) for case in all_cases()}
    return {name: _hash(text) for name, text in sorted({**sources, **read_headers()}.items())}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def used_by(source: str, headers: Mapping[str, str]) -> set[str]:
    """The HEADERS that SOURCE includes and that have what it calls, and those that they include; all that it
    includes where a name is in none, because a macro made it."""
    included = _with_included({_EVERYTHING, *_INCLUDED.findall(source)}, headers)
    words = {name: set(_WORD.findall(_COMMENT.sub("", headers[name]))) for name in included}
    code = _COMMENT.sub("", source)
    pending: set[str] = set()
    for called in set(_CALLED.findall(code)) - _LANGUAGE - set(_KERNEL.findall(code)):
        pending |= {name for name, known in words.items() if called in known} or included
    return _with_included(pending, headers)


def _with_included(pending: set[str], headers: Mapping[str, str]) -> set[str]:
    """The headers PENDING and those that they include."""
    used: set[str] = set()
    while pending:
        name = pending.pop()
        used.add(name)
        pending = pending | set(_INCLUDED.findall(headers[name])) - used
    return used


def unproven(record: Mapping[str, Any], now: Mapping[str, str] | None = None) -> dict[str, str]:
    """Cases that no GPU has run as they are now, by name with why; NOW are the `hashes` of now."""
    headers, now = read_headers(), hashes() if now is None else now
    found: dict[str, str] = {}
    for case in all_cases():
        source = read_source(case.source)
        files = sorted({f"{case.source}.cu", *used_by(source, headers)})
        changed = [name for name in files if record["files"].get(name) != now[name]]
        if case.name not in record["cases"]:
            found[case.name] = "it is new"
        elif changed:
            found[case.name] = f"changed: {', '.join(changed)}"
    return found


def failures(record: Mapping[str, Any]) -> dict[str, str]:
    """Cases that a GPU did run as they are now, and that did not pass."""
    current = {case.name for case in all_cases()} - set(unproven(record))
    return {name: why for name, why in record["cases"].items() if name in current and why != PASSED}


def main() -> int:
    record = read_record()
    problems = unproven(record) | failures(record)
    for name, reason in problems.items():
        print(f"unproven on a GPU: {name}: {reason}")
    advice = f": {HOW}" if problems else ""
    print(f"{len(problems)} of {len(all_cases())} cases of the intrinsics are unproven{advice}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
