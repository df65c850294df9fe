"""All kernel families, and the choice among their candidates."""

from __future__ import annotations

from ...errors import UnsupportedError
from .attention import AttentionFamily
from .attention_simt import SimtAttentionFamily
from .contraction_family import DEPTHWISE, MMA, SIMT
from .family import Candidate, Family, KernelCode, Request
from .loop import LoopFamily
from .row import RowFamily

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (MMA, SIMT, DEPTHWISE, AttentionFamily(), SimtAttentionFamily(), RowFamily(), LoopFamily())
}

# A family with a designed kernel goes before one that is merely able to do the work.
PREFERENCE = (
    ("depthwise",),
    ("contraction_mma",),
    ("contraction_simt",),
    ("attention_mma",),
    ("attention_simt",),
    ("row",),
    ("loop",),
)


def candidates(request: Request) -> list[Candidate]:
    """Candidates of the most specialised families that can do REQUEST, fastest expected first."""
    for names in PREFERENCE:
        found = [c for name in names if name in FAMILIES for c in FAMILIES[name].propose(request)]
        if found:
            return sorted(found, key=lambda candidate: candidate.microseconds)
    ops = ", ".join(op.name for op in request.ops)
    nodes = [node for op in request.ops for node in op.location.nodes]
    raise UnsupportedError(
        f"launch level: no kernel family can run ({ops})",
        "switch the fusion that joined these ops off",
        nodes,
    )


def realize(request: Request, family: str, config: dict[str, int | str]) -> KernelCode:
    """The code of REQUEST by FAMILY with CONFIG."""
    return FAMILIES[family].realize(request, config)
