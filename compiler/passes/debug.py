"""Debug output of the compiler on stderr, by the level in the environment variable GLASSRT_DEBUG.

Every level includes the levels below it. None of them changes what the compiler does: checks that cost
time have their own switches (`--verify-each=semantics`, GLASSRT_DEBUG_SYNC). See docs/debugging.md.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from ...dialects.core.module import Module
from ...dialects.core.printer import print_module
from ...dialects.launch import Kernel, kernels_in
from ...errors import InputError

Sink = Callable[[str], object]

VARIABLE = "GLASSRT_DEBUG"


class DebugLevel(IntEnum):
    """The levels of debug output; each adds to the one before.

    SILENT: nothing; STAGES: time, ops and decisions of every stage of a build; PASSES: the time of every
    pass and of the checks after it; KERNELS: family, configuration and launch of every kernel; SOURCES: the
    CUDA source of every kernel; IR: the module's text after every pass; REWRITES: every rewrite by a rule.
    """

    SILENT = 0
    STAGES = 1
    PASSES = 2
    KERNELS = 3
    SOURCES = 4
    IR = 5
    REWRITES = 6


def debug_level() -> DebugLevel:
    """The level in GLASSRT_DEBUG, SILENT if it is unset or empty. Raises InputError for any other text."""
    text = os.environ.get(VARIABLE) or "0"
    levels = {str(level.value): level for level in DebugLevel}
    if text not in levels:
        hint = "levels: " + ", ".join(f"{level.value} {level.name.lower()}" for level in DebugLevel)
        raise InputError(f"the environment variable {VARIABLE} is {text!r}, which is not a level", hint)
    return levels[text]


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


@dataclass(frozen=True)
class DebugLog:
    """Writes the output of LEVEL, each item as one text without a final newline."""

    level: DebugLevel = field(default_factory=debug_level)
    write: Sink = _to_stderr

    def stage(self, name: str, seconds: float, counts: Mapping[str, int]) -> None:
        """Report that a stage of a build took SECONDS; COUNTS are numbers of what it left, by name."""
        if self.level >= DebugLevel.STAGES:
            counted = "".join(f", {what} {number}" for what, number in counts.items())
            self.write(f"stage {name}: {_milliseconds(seconds)}{counted}")

    def finished(self, name: str, seconds: float, checking: float) -> None:
        """Report that the pass NAME took SECONDS, and the checks after it CHECKING seconds."""
        if self.level >= DebugLevel.PASSES:
            self.write(f"pass {name}: {_milliseconds(seconds)}, checks {_milliseconds(checking)}")

    def kernels(self, module: Module) -> None:
        """Report the kernels of a launch-level MODULE; other modules have none."""
        if self.level >= DebugLevel.KERNELS:
            for op in kernels_in(module.main.block):
                self.write(_kernel_text(op))

    def sources(self, sources: Mapping[str, str]) -> None:
        """Report the CUDA source of every kernel, by kernel name."""
        if self.level >= DebugLevel.SOURCES:
            for name, text in sources.items():
                self.write(f"// source of {name}\n{text.rstrip()}")

    def module(self, step: str, module: Module) -> None:
        """Report MODULE as it is after the pass STEP."""
        if self.level >= DebugLevel.IR:
            self.write(f"// after {step}\n{print_module(module).rstrip()}")

    def rewrite(self, rule: str, op: str, nodes: Sequence[str]) -> None:
        """Report that RULE rewrote OP, which has the ONNX nodes NODES."""
        if self.level >= DebugLevel.REWRITES:
            self.write(f"rewrite {rule}: {op} {_names(nodes)}".rstrip())


def _kernel_text(op: Kernel) -> str:
    def shown(attribute: str) -> str:
        return op.spec.attributes[attribute].kind.encode(op.attributes[attribute])

    launch = f"grid {shown('grid')}, block {shown('block')}, shared {op.shared} B, stream {op.stream}"
    nodes = f", nodes {_names(op.location.nodes)}" if op.location.nodes else ""
    return f"kernel {op.kernel}: {op.family} {shown('config')}, {launch}{nodes}"


def _names(nodes: Sequence[str]) -> str:
    """Names of ONNX nodes, quoted and escaped, since they may hold any character."""
    return ", ".join(map(json.dumps, nodes))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
