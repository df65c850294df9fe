"""Grouped kernels: independent kernels in one launch, whose blocks are divided among the members.

The code of a member is that of its own family, as a device function. The first n0 blocks of the launch run
member 0, the next n1 blocks member 1, and so on. All members have the same number of threads per block. A
block has the registers and the shared memory of the most demanding member. Neighbours whose code is the same
share one copy of it, which is called with the arguments of the one whose block it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace

from ....dialects.core.affine import Dim, product
from ...request.describe import title
from ...request.parameters import (
    BufferParameter,
    Parameter,
    ScalarParameter,
    ScratchParameter,
    scratch_of,
)
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import Signature, make_signature
from ...text.affine_c import dim_to_c
from ...text.render import Code, Identifier, Template
from ..failure import attributed
from ..kernel_family import KernelFamily, Rank
from .cost import GroupLoad, MemberLoad
from .joinable import unjoinable
from .parts import GROUP, GroupPart, parts_of

Expected = Callable[[Request, str, Config], float]  # expected microseconds of a request by a family


@dataclass(frozen=True)
class MemberSpec:
    """The spec of the code of one member, or of several neighbours: its template with spec, and its call.

    `number` is that of the first member, `copies` how many have this code. `split` is the size of the first
    dimension of its own grid; None where that grid is one-dimensional.
    """

    name: Identifier
    template: Template
    spec: object
    arguments: Code
    split: Code | None
    number: int
    copies: int = 1


@dataclass(frozen=True)
class GroupSpec:
    """The spec of a group for its template.

    `headers` are those of the members; `blocks_per_multiprocessor` is the occupancy that the kernel is
    compiled for; `firsts` has the first block of each member in the grid of the group.
    """

    name: Identifier
    title: Code
    parameters: Code
    headers: tuple[Identifier, ...]
    threads: int
    blocks_per_multiprocessor: int
    firsts: tuple[Code, ...]
    members: tuple[MemberSpec, ...]


@dataclass(frozen=True, kw_only=True)
class GroupFamily(KernelFamily):
    """The family of groups. It proposes no candidates: the scheduler forms groups from launches.

    The configuration lists the members (see `parts.py`). `families` gives all families by name; those of
    members must be groupable.
    """

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
            headers=tuple(Identifier(name) for name in sorted({code.header for code in codes})),
            threads=geometry.block[0],
            blocks_per_multiprocessor=min((c.resident for c in codes if c.resident is not None), default=1),
            firsts=tuple(
                Code(dim_to_c(_first([code.geometry for code in codes], index), signature.symbols))
                for index in range(len(codes))
            ),
            members=tuple(_members(parts, codes, signature)),
        )
        return KernelCode("kernels/group.cu.j2", spec, geometry, signature.typed)

    def _family(self, part: GroupPart) -> KernelFamily:
        found = self.families().get(part.share.family)
        if found is None or not found.groupable:
            raise ValueError(f"kernels of the family '{part.share.family}' cannot be in a group")
        return found

    def _code(self, part: GroupPart) -> KernelCode:
        family = self._family(part)
        with attributed(family.name, part.request, "making"):
            return family.realize(part.request, part.share.config)

    def expected(self, request: Request, config: Config, alone: Expected) -> float:
        """The expected microseconds of a group; ALONE gives those of each member by itself."""
        loads = []
        for part in parts_of(request, config):
            time = alone(part.request, part.share.family, part.share.config)
            saturates = self._family(part).saturates
            loads.append(MemberLoad.of(self._code(part), part.request, time, saturates))
        return GroupLoad(loads, request.target).microseconds


def geometry_of(codes: Sequence[KernelCode]) -> Geometry:
    """The launch geometry of a group of CODES. Raises ValueError if their launches cannot be joined.

    No member may be `unjoinable`, and all need blocks of equal size.
    """
    for index, code in enumerate(codes):
        reason = unjoinable(code.geometry, code.maps)
        if reason is not None:
            raise ValueError(f"member {index} of the group cannot be one: {reason.value}")
    members = [code.geometry for code in codes]
    threads = members[0].block[0]
    if any(member.block[0] != threads for member in members):
        raise ValueError("the members of a group need blocks of equal size")
    return Geometry(
        grid=(_first(members, len(members)), 1, 1),
        block=(threads, 1, 1),
        shared=max(member.shared for member in members),
    )


def _first(members: Sequence[Geometry], index: int) -> Dim:
    """The first block of member INDEX in the grid of the group."""
    blocks: Dim = 0
    for member in members[:index]:
        blocks = blocks + product(member.grid)
    return blocks


def _scratch(codes: Sequence[KernelCode]) -> list[ScratchParameter]:
    """The scratch parameters of all members, renamed so that they differ."""
    return [
        replace(own, name=f"{own.name}_{index}") for index, code in enumerate(codes) for own in code.scratch
    ]


def _members(
    parts: Sequence[GroupPart], codes: Sequence[KernelCode], signature: Signature
) -> list[MemberSpec]:
    """The specs of all members; neighbours with the same code have one."""
    inputs, outputs = iter(signature.inputs), iter(signature.outputs)
    scratch = iter(scratch_of(signature.typed))
    arguments = [
        [_argument(own, inputs, outputs, scratch, signature) for own in code.parameters] for code in codes
    ]
    members = []
    for run in _alike(codes):
        code, (width, height, _) = codes[run[0]], codes[run[0]].geometry.grid
        chosen = map(_chosen, zip(*(arguments[index] for index in run), strict=True))
        members.append(
            MemberSpec(
                name=Identifier(parts[run[0]].request.name),
                template=Template(code.template),
                spec=code.spec,
                arguments=Code(", ".join(chosen)),
                split=None if height == 1 else Code(dim_to_c(width, signature.symbols)),
                number=run[0],
                copies=len(run),
            )
        )
    return members


def _alike(codes: Sequence[KernelCode]) -> list[list[int]]:
    """The members by their numbers, in runs of neighbours with the same code."""
    runs: list[list[int]] = []
    for index, code in enumerate(codes):
        if runs and _same(codes[runs[-1][0]], code):
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _same(one: KernelCode, other: KernelCode) -> bool:
    """Whether the code of the kernels differs in their names alone."""
    return (
        (one.template, one.geometry) == (other.template, other.geometry)
        and type(one.spec) is type(other.spec)
        and _facts(one.spec) == _facts(other.spec)
    )


def _facts(spec: object) -> list[object]:
    """What SPEC, a dataclass, says of a kernel, but for its name."""
    assert is_dataclass(spec)
    return [getattr(spec, field.name) for field in fields(spec) if field.name != "name"]


def _chosen(arguments: Sequence[str]) -> str:
    """One of ARGUMENTS, by the number `copy`."""
    *others, last = arguments
    if all(argument == last for argument in others):
        return last
    return "".join(f"copy == {copy} ? {text} : " for copy, text in enumerate(others)) + last


def _argument(
    own: Parameter,
    inputs: Iterator[str],
    outputs: Iterator[str],
    scratch: Iterator[ScratchParameter],
    signature: Signature,
) -> str:
    """The group's argument for a member's parameter OWN: the next one of its kind, or the same symbol."""
    match own:
        case BufferParameter():
            return next(outputs if own.written else inputs)
        case ScratchParameter():
            return next(scratch).name
        case ScalarParameter():
            return signature.symbols[own.symbol]
    raise ValueError(f"a member of a group cannot be passed '{own.name}'")
