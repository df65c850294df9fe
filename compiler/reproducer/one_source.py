"""All kernels of a plan, and the intrinsics that they include, as one CUDA source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_INCLUDE = re.compile(r'^#include "([^"]+)"[^\n]*\n?', re.MULTILINE)
_ONCE = re.compile(r"^#pragma once\n?", re.MULTILINE)
_HOST = ".hpp"
ENTRY, RUNTIME = "host_entry.hpp", "host_runtime.hpp"

_HEAD = """\
// The kernels of one plan, with the intrinsics that they use; needs no other file.
//
// On a GPU: nvcc -std=c++17 -arch=sm_XX -cubin kernels.cu
// On the host: compiled as C++ with GLASS_HOST, where a fiber stands for each CUDA thread.
"""


def one_source(sources: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The kernels SOURCES, by the names of their functions, with those of HEADERS that they include.

    Each header stands once, behind those that it includes; those of the host device count where GLASS_HOST is
    defined. Each kernel has a namespace of its own, as they have in a plan.
    """
    wanted = sorted({name for text in sources.values() for name in _INCLUDE.findall(text)})
    parts = [_HEAD]
    for name in _ordered([*wanted, ENTRY, RUNTIME], headers):
        text = _ONCE.sub("", _INCLUDE.sub("", headers[name])).strip("\n")
        if name.endswith(_HOST):
            text = f"#if defined(GLASS_HOST)\n{text}\n#endif"
        parts.append(f"// ==== {name} ====\n{text}\n")
    for number, (name, text) in enumerate(sources.items()):
        body = _INCLUDE.sub("", text).strip("\n")
        parts.append(f"// ==== kernel {name} ====\nnamespace kernel_{number} {{\n{body}\n")
        parts.append(f"#if defined(GLASS_HOST)\nGLASS_REGISTER({name})\n#endif\n}}\n")
    return "\n".join(parts)


def _ordered(names: Iterable[str], headers: Mapping[str, str]) -> list[str]:
    """NAMES, and what they include, each behind what it includes."""
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        for inner in _INCLUDE.findall(headers[name]):
            visit(inner)
        done[name] = None

    for name in names:
        visit(name)
    return list(done)
