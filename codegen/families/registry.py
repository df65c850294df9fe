"""All kernel families, and the choice among their candidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import groupby
from types import MappingProxyType

from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Operation
from ...dialects.core.parts import AttributeAt
from ...errors import UnsupportedError
from ..request.request import Candidate, Config, KernelCode, Request
from .attention.families import MmaAttentionFamily, SimtAttentionFamily
from .contraction.families import DepthwiseFamily, MmaFamily, SimtFamily
from .group.family import GroupFamily
from .group.parts import shares_of
from .kernel_family import KernelFamily
from .loop import LoopFamily
from .row.family import RowFamily


def families() -> Mapping[str, KernelFamily]:
    """The kernel families by name, the most specialised first."""
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
        MmaFamily(),
        MmaAttentionFamily(),
        SimtFamily(),
        SimtAttentionFamily(),
        RowFamily(),
        LoopFamily(),
        GroupFamily(families=families),
    ]
)
_changed: ContextVar[Mapping[str, KernelFamily]] = ContextVar("kernel families")


@contextmanager
def registered(*added: KernelFamily) -> Iterator[None]:
    """ADDED beside the other families, for as long as the context is open and where it was opened: other
    threads do not see them. ValueError for a name that is taken."""
    token = _changed.set(_ranked([*families().values(), *added]))
    try:
        yield
    finally:
        _changed.reset(token)


def family_of(op: Operation, name: str) -> KernelFamily:
    """The family NAME, which runs OP or a member of it; IRError where there is none."""
    found = families().get(name)
    if found is None:
        at = AttributeAt("family" if op.attributes.get("family") == name else "config")
        raise op_error(
            op, f"there is no kernel family '{name}'", f"these exist: {', '.join(families())}", at=at
        )
    return found


def is_group(name: str) -> bool:
    """Whether the kernels of the family NAME are groups: made of members, which the configuration lists."""
    return isinstance(families().get(name), GroupFamily)


def candidates(request: Request) -> list[Candidate]:
    """Candidates of the most specialised families that can do REQUEST, fastest expected first."""
    for found in tiers(request):
        return found
    ops = ", ".join(op.name for op in request.ops)
    nodes = [node for op in request.ops for node in op.location.nodes]
    raise UnsupportedError(
        f"launch level: no kernel family can run ({ops})",
        "switch the fusion that joined these ops off",
        nodes,
    )


def tiers(request: Request) -> Iterator[list[Candidate]]:
    """The candidates of all families that can do REQUEST: the most specialised families first, and of
    these the fastest expected candidate."""
    for _, equals in groupby(families().values(), key=lambda family: family.rank):
        found = [candidate for family in equals for candidate in family.propose(request)]
        if found:
            yield sorted(found, key=lambda candidate: candidate.microseconds)


def realize(request: Request, family: str, config: Config) -> KernelCode:
    """The code of REQUEST by FAMILY with CONFIG."""
    return families()[family].realize(request, config)


def is_designed(family: str, config: Config) -> bool:
    """Whether a kernel of FAMILY with CONFIG must fit the registers: a group has to when a member has."""
    names = [share.family for share in shares_of(config)] if is_group(family) else [family]
    return any(families()[name].designed for name in names)


def expected(request: Request, family: str, config: Config) -> float:
    """Microseconds of REQUEST by FAMILY with CONFIG; of its best candidate when that is not proposed."""
    group = families().get(family)
    if isinstance(group, GroupFamily):
        return group.expected(request, config, expected)
    found = candidates(request)
    own = [c for c in found if c.family == family and c.config == dict(config)]
    return (own or found)[0].microseconds


def resized(request: Request, family: str, config: Config, threads: int) -> list[Candidate]:
    """Configurations of a member of a group for blocks of THREADS; see `KernelFamily.resized`."""
    return families()[family].resized(request, config, threads)
