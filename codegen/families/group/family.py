"""Grouped kernels: independent launches as one, whose blocks are shared out among the members.

Each member's code is that of its own family, as a function; the kernel's blocks [0, n0) run member 0,
the next n1 member 1, and so on. All members have the same number of threads a block; registers
and shared memory of a block are those of the most demanding member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim, product
from ...request.describe import title
from ...request.parameters import (
    BufferParameter,
    Parameter,
    ScalarParameter,
    ScratchParameter,
    maps_of,
    scratch_of,
)
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import Signature, make_signature
from ...text.affine_c import dim_to_c
from ...text.render import Code, Identifier, Template
from ..kernel_family import KernelFamily, Rank
from .cost import MemberLoad, together
from .parts import GROUP, GroupPart, parts_of

Expected = Callable[[Request, str, Config], float]  # microseconds of a kernel by a family


@dataclass(frozen=True)
class MemberSpec:
    """One member: its own spec, what it is called with, the block of the grid at which it begins.

    `split` is the number of its blocks along the first dimension of its grid, None where it has no second.
    """

    name: Identifier
    template: Template
    spec: object
    arguments: Code
    first: Code
    split: Code | None


@dataclass(frozen=True)
class GroupSpec:
    """What the template needs. `blocks_per_multiprocessor` should fit side by side."""

    name: Identifier
    title: Code
    parameters: Code
    threads: int
    blocks_per_multiprocessor: int
    members: tuple[MemberSpec, ...]


@dataclass(frozen=True, kw_only=True)
class GroupFamily(KernelFamily):
    """Proposes nothing: groups are made of launches. The configuration is that of `group_parts`; its
    members are of the groupable ones of `families`, by name."""

    name: str = GROUP
    rank: Rank = Rank.GENERAL
    families: Callable[[], Mapping[str, KernelFamily]]

    def candidates(self, request: Request) -> list[Candidate]:
        return []

    def realize(self, request: Request, config: Config) -> KernelCode:
        parts = parts_of(request, config)
        codes = [self._code(part) for part in parts]
        geometry = geometry_of(codes)
        signature = make_signature(request, _scratch(codes))
        spec = GroupSpec(
            name=Identifier(request.name),
            title=Code(" + ".join(title(part.request) for part in parts)),
            parameters=signature.parameters,
            threads=geometry.block[0],
            blocks_per_multiprocessor=min((c.resident for c in codes if c.resident is not None), default=1),
            members=tuple(_members(parts, codes, signature)),
        )
        return KernelCode("kernels/group.cu.j2", spec, geometry, signature.typed)

    def _family(self, part: GroupPart) -> KernelFamily:
        found = self.families().get(part.share.family)
        if found is None or not found.groupable:
            raise ValueError(f"kernels of the family '{part.share.family}' cannot be in a group")
        return found

    def _code(self, part: GroupPart) -> KernelCode:
        return self._family(part).realize(part.request, part.share.config)

    def expected(self, request: Request, config: Config, alone: Expected) -> float:
        """Microseconds of a group whose members would take what ALONE says of each."""
        loads = []
        for part in parts_of(request, config):
            time = alone(part.request, part.share.family, part.share.config)
            saturates = self._family(part).saturates
            loads.append(MemberLoad.of(self._code(part), part.request, time, saturates))
        return together(loads, request.target)


def geometry_of(codes: Sequence[KernelCode]) -> Geometry:
    """The launch of a group of CODES, with a grid for all; ValueError when they cannot share one."""
    members = [code.geometry for code in codes]
    threads = members[0].block[0]
    if any(m.block != (threads, 1, 1) or m.cluster != (1, 1, 1) or m.grid[2] != 1 for m in members):
        raise ValueError("the members of a group need equal blocks of one dimension, and no clusters")
    if any(code.geometry.cooperative or maps_of(code.parameters) for code in codes):
        raise ValueError("the members of a group need launches that are not cooperative, and no tensor maps")
    return Geometry(
        grid=(_first(members, len(members)), 1, 1),
        block=(threads, 1, 1),
        shared=max(member.shared for member in members),
    )


def _first(members: Sequence[Geometry], index: int) -> Dim:
    """The block of the grid at which member INDEX begins."""
    blocks: Dim = 0
    for member in members[:index]:
        blocks = blocks + product(member.grid)
    return blocks


def _scratch(codes: Sequence[KernelCode]) -> list[ScratchParameter]:
    """The scratch parameters of all members, under names of the group."""
    return [
        replace(own, name=f"{own.name}_{index}")
        for index, code in enumerate(codes)
        for own in scratch_of(code.parameters)
    ]


def _members(
    parts: Sequence[GroupPart], codes: Sequence[KernelCode], signature: Signature
) -> list[MemberSpec]:
    inputs, outputs = iter(signature.inputs), iter(signature.outputs)
    scratch = iter(scratch_of(signature.typed))
    geometries = [code.geometry for code in codes]
    members = []
    for index, (part, code) in enumerate(zip(parts, codes, strict=True)):
        arguments = [_argument(own, inputs, outputs, scratch, signature) for own in code.parameters]
        width, height, _ = code.geometry.grid
        members.append(
            MemberSpec(
                name=Identifier(part.request.name),
                template=Template(code.template),
                spec=code.spec,
                arguments=Code(", ".join(arguments)),
                first=Code(dim_to_c(_first(geometries, index), signature.symbols)),
                split=None if height == 1 else Code(dim_to_c(width, signature.symbols)),
            )
        )
    return members


def _argument(
    own: Parameter,
    inputs: Iterator[str],
    outputs: Iterator[str],
    scratch: Iterator[ScratchParameter],
    signature: Signature,
) -> str:
    """What the group passes for a member's parameter OWN: the next of its kind, or the same symbol."""
    match own:
        case BufferParameter():
            return next(outputs if own.written else inputs)
        case ScratchParameter():
            return next(scratch).name
        case ScalarParameter():
            return signature.symbols[own.symbol]
    raise ValueError(f"a member of a group cannot be passed '{own.name}'")
