"""enclose-depthwise: a depthwise convolution and the contractions before and behind it become one launch.

`launch.kernel a(x) -> y, launch.kernel b(y) -> z, launch.kernel c(z) -> u => launch.kernel a, b, c(x) -> u`

What is between them, y and z, is stored nowhere: it has no other readers. Without a contraction before the
convolution, or where three take longer, the convolution and the one behind it may still become one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ....codegen.interface import ArchSpec
from ....dialects.core.module import Module
from ...passes.manager import PassContext
from .draft import drafts_around
from .enclosing import EnclosingKind, enclosed
from .record import ENCLOSE_DEPTHWISE

INVERTED_RESIDUALS = EnclosingKind(
    rule=ENCLOSE_DEPTHWISE,
    drafts=drafts_around,
    able=lambda family: family.encloses,
    nothing="no kernel computes these contractions without storing what is between them",
    spills="every kernel that computes them together spills registers",
)


@dataclass(frozen=True)
class EncloseDepthwise:
    """Enclosing as a pass, with configurations chosen for TARGET."""

    target: ArchSpec
    name: ClassVar[str] = ENCLOSE_DEPTHWISE

    def run(self, module: Module, context: PassContext) -> Module:
        return enclosed(module, INVERTED_RESIDUALS, self.target, context)
