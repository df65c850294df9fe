"""What compiling says of itself on stderr: the ladder of the environment variable GLASSRT_DEBUG.

Every level says what the levels below it say, and more. None of them changes what is done: checks that
cost time have switches of their own (`--verify-each=semantics`, GLASSRT_DEBUG_SYNC). docs/debugging.md
is the page for users.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...dialects.launch import Kernel
from ...errors import InputError

Sink = Callable[[str], object]

VARIABLE = "GLASSRT_DEBUG"


class DebugLevel(IntEnum):
    """SILENT, then what each level adds.

    STAGES: time, ops and decisions of every stage of a build; PASSES: the time of every pass and of the
    checks after it; KERNELS: family, configuration and launch of every kernel; SOURCES: the CUDA source of
    every kernel; IR: the module's text after every pass; REWRITES: every rewrite that a rule makes.
    """

    SILENT = 0
    STAGES = 1
    PASSES = 2
    KERNELS = 3
    SOURCES = 4
    IR = 5
    REWRITES = 6


def debug_level() -> DebugLevel:
    """The level that GLASSRT_DEBUG asks for, SILENT when it is unset or empty; InputError for no level."""
    text = os.environ.get(VARIABLE) or "0"
    levels = {str(level.value): level for level in DebugLevel}
    if text not in levels:
        hint = "levels: " + ", ".join(f"{level.value} {level.name.lower()}" for level in DebugLevel)
        raise InputError(f"the environment variable {VARIABLE} is {text!r}, which is no level", hint)
    return levels[text]


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


@dataclass(frozen=True)
class DebugLog:
    """Writes what LEVEL asks for, each item as one text without a newline at its end."""

    level: DebugLevel = field(default_factory=debug_level)
    write: Sink = _to_stderr

    def stage(self, name: str, seconds: float, counts: Mapping[str, int]) -> None:
        """A stage of a build is over; COUNTS say what it left, by what is counted."""
        if self.level >= DebugLevel.STAGES:
            counted = "".join(f", {what} {number}" for what, number in counts.items())
            self.write(f"stage {name}: {_milliseconds(seconds)}{counted}")

    def finished(self, name: str, seconds: float, checking: float) -> None:
        """The pass NAME ran for SECONDS, and was checked for CHECKING seconds."""
        if self.level >= DebugLevel.PASSES:
            self.write(f"pass {name}: {_milliseconds(seconds)}, checks {_milliseconds(checking)}")

    def kernels(self, module: Module) -> None:
        """The kernels of a launch-level MODULE; other modules have none."""
        if self.level >= DebugLevel.KERNELS:
            for op in module.main.block:
                if isinstance(op, Kernel):
                    self.write(_kernel_text(op))

    def sources(self, sources: Mapping[str, str]) -> None:
        """The CUDA text of every kernel by its name."""
        if self.level >= DebugLevel.SOURCES:
            for name, text in sources.items():
                self.write(f"// source of {name}\n{text.rstrip()}")

    def module(self, step: str, module: Module) -> None:
        """MODULE as the pass STEP left it."""
        if self.level >= DebugLevel.IR:
            self.write(f"// after {step}\n{print_module(module).rstrip()}")

    def rewrite(self, rule: str, op: str, nodes: Sequence[str]) -> None:
        """RULE rewrote OP of the ONNX nodes NODES."""
        if self.level >= DebugLevel.REWRITES:
            self.write(f"rewrite {rule}: {op} {_names(nodes)}".rstrip())


def _kernel_text(op: Kernel) -> str:
    def shown(attribute: str) -> str:
        return op.spec.attributes[attribute].kind.encode(op.attributes[attribute])

    launch = f"grid {shown('grid')}, block {shown('block')}, shared {op.shared} B, stream {op.stream}"
    nodes = f", nodes {_names(op.location.nodes)}" if op.location.nodes else ""
    return f"kernel {op.kernel}: {op.family} {shown('config')}, {launch}{nodes}"


def _names(nodes: Sequence[str]) -> str:
    """Names of ONNX nodes, which may hold any character, as harmless text."""
    return ", ".join(map(json.dumps, nodes))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
