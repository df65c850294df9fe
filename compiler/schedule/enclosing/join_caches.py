"""join-caches: the writes of caches of keys and values become part of the launch that attends to them.

`launch.kernel a(x, K) -> K, launch.kernel b(x, V) -> V, launch.kernel c(q, K, V) -> y
  => launch.kernel a, b, c(q, x, K, V) -> y, K, V`

The caches are written in place, one element of each sequence. What queries are computed from, such as their
rotation by an angle, joins them where nothing else reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ....codegen.interface import ArchSpec
from ....dialects.core.module import Module
from ...passes.manager import PassContext
from .cache_draft import drafts_with_caches
from .enclosing import EnclosingKind, enclosed
from .record import JOIN_CACHES

CACHES = EnclosingKind(
    rule=JOIN_CACHES,
    drafts=drafts_with_caches,
    able=lambda family: family.caches,
    nothing="no kernel of attention computes what is new in these caches",
    spills="every kernel that computes them together spills registers",
)


@dataclass(frozen=True)
class JoinCaches:
    """Joining as a pass, with configurations chosen for TARGET."""

    target: ArchSpec
    name: ClassVar[str] = JOIN_CACHES

    def run(self, module: Module, context: PassContext) -> Module:
        return enclosed(module, CACHES, self.target, context)
