"""All kernel families, and the choice among their candidates."""

from __future__ import annotations

from ...errors import UnsupportedError
from .attention import AttentionFamily
from .attention_simt import SimtAttentionFamily
from .contraction_family import DEPTHWISE, MMA, SIMT
from .family import Candidate, Config, Family, KernelCode, Request, Resizable
from .group import GroupFamily
from .group_parts import parts_of
from .loop import LoopFamily
from .row import RowFamily

LOOP, ROW = LoopFamily(), RowFamily()
# Whose kernels can be members of a group.
MEMBERS: dict[str, Resizable] = {family.name: family for family in (MMA, SIMT, DEPTHWISE, ROW, LOOP)}
GROUPS = GroupFamily(MEMBERS)
FAMILIES: dict[str, Family] = {
    **MEMBERS,
    **{family.name: family for family in (AttentionFamily(), SimtAttentionFamily(), GROUPS)},
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


def realize(request: Request, family: str, config: Config) -> KernelCode:
    """The code of REQUEST by FAMILY with CONFIG."""
    return FAMILIES[family].realize(request, config)


def expected(request: Request, family: str, config: Config) -> float:
    """Microseconds of REQUEST by FAMILY with CONFIG; of its best candidate when that is not proposed."""
    if family == GROUPS.name:
        parts = parts_of(request, config)
        return GROUPS.expected(
            request, config, [expected(p.request, p.share.family, p.share.config) for p in parts]
        )
    found = candidates(request)
    own = [c for c in found if c.family == family and c.config == dict(config)]
    return (own or found)[0].microseconds


def resized(request: Request, family: str, config: Config, threads: int) -> list[Candidate]:
    """Configurations of a member of a group for blocks of THREADS; see `Resizable`."""
    return MEMBERS[family].resized(request, config, threads)
