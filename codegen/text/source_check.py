"""Checks the text of an emitted kernel after rendering, before any compiler sees it.

NVRTC opens absolute includes and prints the file's text in its log. So the only preprocessor directives that
are allowed, in whatever spelling, are the include of the umbrella header, or of those for wgmma that include
it, and unroll hints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...errors import CompileError

MAX_STATEMENTS = 4000
MAX_NESTING = 200
MAX_BYTES = 1 << 20
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,127}")
_HEADER_NAME = re.compile(r"[a-z][a-z0-9_]*\.(?:cuh|hpp)")
_DIRECTIVE = re.compile(
    r'#include "(?:glass|wgmma(?:_f8|_f8_mixed|_fragments|_integer|_registers|_tf32)?)\.cuh"'
    r"|#pragma unroll(?: \w+)?"
)
_TEXT = re.compile(r"[\n\x20-\x7e]*")
# Other spellings of `#` (digraph, trigraph, line splice), the pragma operator, and inline PTX.
_FORBIDDEN = re.compile(r"%:|\?\?|\\|\b_Pragma\b|\b_*asm_*\b")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"', re.MULTILINE)
_PATH = re.compile(r"(?<![\w.)\]/])(?:[A-Za-z]:)?[/\\][\w.+~-]+(?:[/\\][\w.+~-]*)*")


def check_source(name: str, source: str) -> None:
    """Raise CompileError unless `source` is safe to compile as kernel `name`: its name, characters, size
    and directives."""
    if _NAME.fullmatch(name) is None:
        raise CompileError(f"{name!r} is not a kernel name made by the compiler")
    if len(source) > MAX_BYTES:
        raise CompileError(f"kernel {name} has {len(source)} bytes of source; the limit is {MAX_BYTES}")
    if _TEXT.fullmatch(source) is None:
        raise CompileError(f"kernel {name} contains characters other than printable ASCII and newlines")
    forbidden = _FORBIDDEN.search(source)
    if forbidden:
        number = source.count("\n", 0, forbidden.start()) + 1
        raise CompileError(f"kernel {name}, line {number}: {forbidden.group()!r} is not allowed")
    for number, line in enumerate(source.split("\n"), start=1):
        if "#" in line and _DIRECTIVE.fullmatch(line.strip(" ")) is None:
            raise CompileError(f"kernel {name}, line {number}: this use of '#' is not allowed")
    _check_size(name, source)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise CompileError unless every header has a plain file name and includes only others of the set."""
    for name, text in headers.items():
        if _HEADER_NAME.fullmatch(name) is None:
            raise CompileError(f"{name!r} is not the name of a header")
        for included in _INCLUDE.findall(text):
            if included not in headers:
                raise CompileError(f"header {name} includes {included!r}, which is not in the set")


def redact(log: str) -> str:
    """LOG with file paths of this machine replaced by `<path>`; in-memory headers have no path and stay."""
    return _PATH.sub("<path>", log)


def _check_size(name: str, source: str) -> None:
    statements = source.count(";")
    if statements > MAX_STATEMENTS:
        raise CompileError(
            f"kernel {name} has {statements} statements; the limit is {MAX_STATEMENTS}",
            hint="the fused region is too large: switch off the fusion that made it",
        )
    depth = deepest = 0
    for character in source:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    if deepest > MAX_NESTING:
        raise CompileError(
            f"kernel {name} nests {deepest} levels deep; the limit is {MAX_NESTING}",
            hint="the fused region is too large: switch off the fusion that made it",
        )
