"""join-bottlenecks: a convolution and the contractions that multiply its result become one launch.

`launch.kernel a(x) -> y, launch.kernel b(y) -> z => launch.kernel a, b(x) -> z`

What is between them, y, is stored nowhere: it has no other readers. The second launch may be a chain of two
contractions (`chaining`), both of whose results are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ....codegen.interface import ArchSpec
from ....dialects.core.module import Module
from ...passes.manager import PassContext
from .draft import drafts_behind
from .enclosing import EnclosingKind, enclosed
from .record import JOIN_BOTTLENECKS

BOTTLENECKS = EnclosingKind(
    rule=JOIN_BOTTLENECKS,
    drafts=drafts_behind,
    able=lambda family: family.heads,
    nothing="no kernel multiplies the results of this convolution before they are stored",
    spills="every kernel that multiplies the results of a convolution spills registers",
)


@dataclass(frozen=True)
class JoinBottlenecks:
    """Joining as a pass, with configurations chosen for TARGET."""

    target: ArchSpec
    name: ClassVar[str] = JOIN_BOTTLENECKS

    def run(self, module: Module, context: PassContext) -> Module:
        return enclosed(module, BOTTLENECKS, self.target, context)
