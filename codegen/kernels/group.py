"""Grouped kernels: independent launches as one, whose blocks are shared out among the members.

Each member's code is that of its own family, as a function; the kernel's blocks [0, n0) run member 0,
the next n1 member 1, and so on. All members have the same number of threads a block; registers
and shared memory of a block are those of the most demanding member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ...dialects.core.affine import Dim, product
from ..affine_c import dim_to_c
from ..render import Code, Identifier
from ..requests import scratch_of
from .describe import title
from .family import Candidate, Config, Geometry, KernelCode, Request, Resizable
from .group_cost import Load, bound, together
from .group_parts import GROUP, Part, parts_of
from .signature import Signature, make_signature, used_symbols


class MemberTemplate(Enum):
    """The templates whose kernels can stand as a function in another."""

    LOOP = "kernels/loop.cu.j2"
    ROW = "kernels/row.cu.j2"
    DEPTHWISE = "kernels/depthwise_conv.cu.j2"
    CONTRACTION = "kernels/contraction.cu.j2"


@dataclass(frozen=True)
class MemberSpec:
    """One member: its own spec, what it is called with, the block of the grid at which it begins.

    `split` is the number of its blocks along the first dimension of its grid, None where it has no second.
    """

    name: Identifier
    template: MemberTemplate
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


@dataclass(frozen=True)
class GroupFamily:
    """Proposes nothing: groups are made of launches. The configuration is that of `group_parts`."""

    families: Mapping[str, Resizable]
    name: str = GROUP

    def propose(self, request: Request) -> list[Candidate]:
        return []

    def realize(self, request: Request, config: Config) -> KernelCode:
        parts = parts_of(request, config)
        codes = [self._code(part) for part in parts]
        geometry = geometry_of([code.geometry for code in codes])
        scratch = _scratch(codes)
        signature = make_signature(request, scratch)
        spec = GroupSpec(
            name=Identifier(request.name),
            title=Code(" + ".join(title(part.request) for part in parts)),
            parameters=signature.parameters,
            threads=geometry.block[0],
            blocks_per_multiprocessor=min(filter(None, map(bound, codes)), default=1),
            members=tuple(_members(parts, codes, signature)),
        )
        return KernelCode("kernels/group.cu.j2", spec, geometry, scratch)

    def _code(self, part: Part) -> KernelCode:
        family = part.share.family
        if family not in self.families:
            raise ValueError(f"kernels of the family '{family}' cannot be in a group")
        return self.families[family].realize(part.request, part.share.config)

    def expected(self, request: Request, config: Config, alone: Sequence[float]) -> float:
        """Microseconds of a group whose members would take ALONE each."""
        parts = zip(parts_of(request, config), alone, strict=True)
        loads = [Load.of(self._code(part), part.request, time) for part, time in parts]
        return together(loads, request.target)


def geometry_of(members: Sequence[Geometry]) -> Geometry:
    """The launch of a group of MEMBERS, with a grid for all; ValueError when they cannot share one."""
    threads = members[0].block[0]
    if any(m.block != (threads, 1, 1) or m.cluster != (1, 1, 1) or m.grid[2] != 1 for m in members):
        raise ValueError("the members of a group need equal blocks of one dimension, and no clusters")
    return Geometry(
        grid=(_first(members, len(members)), 1, 1),
        block=(threads, 1, 1),
        shared=max(member.shared for member in members),
        members=tuple(members),
    )


def _first(members: Sequence[Geometry], index: int) -> Dim:
    """The block of the grid at which member INDEX begins."""
    blocks: Dim = 0
    for member in members[:index]:
        blocks = blocks + product(member.grid)
    return blocks


def _scratch(codes: Sequence[KernelCode]) -> tuple[tuple[str, str], ...]:
    """The scratch parameters of all members, under names of the group."""
    for code in codes:
        if len(code.scratch) != len(scratch_of(code.geometry)):
            raise ValueError("a member of the group has scratch memory that its family does not name")
    return tuple((kind, f"{name}_{i}") for i, code in enumerate(codes) for kind, name in code.scratch)


def _members(parts: Sequence[Part], codes: Sequence[KernelCode], signature: Signature) -> list[MemberSpec]:
    inputs, outputs = iter(signature.inputs), iter(signature.outputs)
    geometries = [code.geometry for code in codes]
    members = []
    for index, (part, code) in enumerate(zip(parts, codes, strict=True)):
        arguments = [next(inputs) for _ in part.request.reads] + [next(outputs) for _ in part.request.writes]
        arguments += [f"{name}_{index}" for _, name in code.scratch]
        arguments += [signature.symbols[symbol] for symbol in used_symbols(part.request)]
        width, height, _ = code.geometry.grid
        members.append(
            MemberSpec(
                name=Identifier(part.request.name),
                template=MemberTemplate(code.template),
                spec=code.spec,
                arguments=Code(", ".join(arguments)),
                first=Code(dim_to_c(_first(geometries, index), signature.symbols)),
                split=None if height == 1 else Code(dim_to_c(width, signature.symbols)),
            )
        )
    return members
