"""The registry of kernel families, and the choice among their candidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import groupby
from types import MappingProxyType

from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Operation
from ...dialects.core.parts import AttributeAt
from ...dialects.launch import Kernel
from ...errors import UnsupportedError
from ..request.request import Candidate, Config, Geometry, KernelCode, Request
from .attention.families import AttentionFamily
from .attention.mma import MMA as MMA_ATTENTION
from .attention.simt import SIMT as SIMT_ATTENTION
from .attention_few.family import FewQueriesFamily
from .attention_persistent.family import PersistentAttentionFamily
from .bottleneck.family import BottleneckFamily
from .chained.family import ChainedFamily
from .contraction.families import DepthwiseFamily, TiledFamily
from .contraction.mma import MMA
from .contraction.simt import SIMT
from .contraction.wgmma import WGMMA
from .custom import CustomFamily
from .embedding_bag.family import EmbeddingBagFamily
from .failure import attributed
from .few_channels.family import FewChannelsFamily
from .few_channels.product import MMA as FEW_CHANNELS_MMA
from .few_channels.product import WGMMA as FEW_CHANNELS_WGMMA
from .few_channels_pool.family import FewChannelsPoolFamily
from .gemv.family import GemvFamily
from .group.family import GroupFamily
from .group.joinable import unjoinable
from .group.parts import shares_of
from .interaction.family import InteractionFamily
from .inverted_residual.family import InvertedResidualFamily
from .kernel_family import KernelFamily
from .loop import LoopFamily
from .packed.family import PackedFamily
from .patched.family import PatchedFamily
from .persistent.family import PersistentFamily
from .recurrence.family import RecurrenceFamily
from .recurrence_grid.family import GridRecurrenceFamily
from .recurrence_wgmma.family import WgmmaRecurrenceFamily
from .row.family import RowFamily
from .window_maxima import WindowMaximaFamily


def families() -> Mapping[str, KernelFamily]:
    """All registered kernel families by name, the most specialised first."""
    return _changed.get(BUILT_IN)


def _ranked(found: Iterable[KernelFamily]) -> Mapping[str, KernelFamily]:
    by_name: dict[str, KernelFamily] = {}
    for family in sorted(found, key=lambda family: family.rank):
        if by_name.setdefault(family.name, family) is not family:
            raise ValueError(f"there are two kernel families called '{family.name}'")
    return MappingProxyType(by_name)


BUILT_IN = _ranked(
    [
        DepthwiseFamily(),
        ChainedFamily(),
        BottleneckFamily(),
        InvertedResidualFamily(),
        TiledFamily.of(MMA),
        TiledFamily.of(WGMMA),
        GemvFamily(),
        PackedFamily(),
        PersistentFamily(),
        PatchedFamily(),
        FewChannelsFamily.of(FEW_CHANNELS_WGMMA),
        FewChannelsFamily.of(FEW_CHANNELS_MMA),
        FewChannelsPoolFamily.of("few_channels_wgmma_pool", FEW_CHANNELS_WGMMA),
        FewChannelsPoolFamily.of("few_channels_mma_pool", FEW_CHANNELS_MMA),
        AttentionFamily.of(MMA_ATTENTION),
        PersistentAttentionFamily(),
        FewQueriesFamily(),
        RecurrenceFamily(),
        WgmmaRecurrenceFamily(),
        GridRecurrenceFamily(),
        InteractionFamily(),
        EmbeddingBagFamily(),
        TiledFamily.of(SIMT),
        AttentionFamily.of(SIMT_ATTENTION),
        WindowMaximaFamily(),
        RowFamily(),
        LoopFamily(),
        CustomFamily(),
        GroupFamily(families=families),
    ]
)
_changed: ContextVar[Mapping[str, KernelFamily]] = ContextVar("kernel families")


@contextmanager
def registered(*added: KernelFamily) -> Iterator[None]:
    """A context in which the families ADDED are registered, too; other threads do not see them.

    Raises ValueError for a name that is taken.
    """
    token = _changed.set(_ranked([*families().values(), *added]))
    try:
        yield
    finally:
        _changed.reset(token)


def family_of(op: Operation, name: str) -> KernelFamily:
    """The kernel family called NAME, which the launch OP names; raises IRError at OP for an unknown name."""
    found = families().get(name)
    if found is None:
        at = AttributeAt("family" if op.attributes.get("family") == name else "config")
        raise op_error(
            op, f"there is no kernel family '{name}'", f"these exist: {', '.join(families())}", at=at
        )
    return found


def unfit(op: Kernel) -> str | None:
    """Why the launch OP cannot be a member of a group; None when it can. Raises IRError as `family_of`."""
    if not family_of(op, op.family).groupable:
        return f"kernels of the family {op.family} cannot be members of a group"
    # As a member it has no cluster.
    geometry = Geometry(op.grid, op.block, op.shared, cooperative=op.cooperative)
    reason = unjoinable(geometry, op.maps)
    if reason is not None:
        return reason.value
    return "it writes one row of a stack, which members of a group cannot" if op.stacked else None


def is_group(name: str) -> bool:
    """Whether NAME is the family of groups, whose kernels consist of members listed in the configuration."""
    return isinstance(families().get(name), GroupFamily)


def candidates(request: Request) -> list[Candidate]:
    """Candidates of the most specialised families that can run REQUEST, the fastest expected first.

    Raises UnsupportedError when no family can.
    """
    for found in tiers(request):
        return found
    ops = ", ".join(op.name for op in request.ops)
    nodes = [node for op in request.ops for node in op.location.nodes]
    raise UnsupportedError(
        f"launch level: no kernel family can run ({ops})",
        "switch off the fusion that joined these ops",
        nodes,
    )


def tiers(request: Request) -> Iterator[list[Candidate]]:
    """The candidates for REQUEST in one list per rank, the most specialised rank first.

    Each list is sorted by expected time; ranks without candidates are left out.
    """
    for _, equals in groupby(families().values(), key=lambda family: family.rank):
        found = [candidate for family in equals for candidate in _proposed(family, request)]
        if found:
            yield sorted(found, key=lambda candidate: candidate.microseconds)


def _proposed(family: KernelFamily, request: Request) -> list[Candidate]:
    with attributed(family.name, request, "proposing"):
        return family.propose(request)


def realize(request: Request, family: str, config: Config) -> KernelCode:
    """The code of REQUEST's kernel by FAMILY with CONFIG.

    Raises KernelError, with the cause, for whatever `KernelFamily.realize` raises.
    """
    with attributed(family, request, "making"):
        return families()[family].realize(request, config)


def is_designed(family: str, config: Config) -> bool:
    """Whether a kernel of FAMILY with CONFIG must not spill; true for a group when it is for a member."""
    names = [share.family for share in shares_of(config)] if is_group(family) else [family]
    return any(families()[name].designed for name in names)


def expected(request: Request, family: str, config: Config) -> float:
    """The expected microseconds of REQUEST by FAMILY with CONFIG.

    Those of REQUEST's best candidate when the family does not propose CONFIG. Raises UnsupportedError when no
    family can run REQUEST.
    """
    known = families().get(family)
    if isinstance(known, GroupFamily):
        with attributed(family, request, "timing"):
            return known.expected(request, config, expected)
    found = _proposed(known, request) if known is not None else []  # others are not priced for nothing
    own = [candidate for candidate in found if candidate.config == dict(config)]
    return (own or candidates(request))[0].microseconds


def resized(request: Request, family: str, config: Config, threads: int) -> list[Candidate]:
    """Candidates for REQUEST as a member of a group with blocks of THREADS; see `KernelFamily.resized`."""
    with attributed(family, request, "resizing"):
        return families()[family].resized(request, config, threads)
