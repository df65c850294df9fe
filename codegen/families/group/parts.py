"""Splits the configuration and the region of a group into those of its members.

The region of a group contains the members' regions side by side: first the arguments of member 0, then those
of member 1, and so on; the results likewise. For each member the configuration has its family, the number of
its arguments and results, and its own configuration: `m0_family = loop, m0_reads = 1, m0_outputs = 1,
m0_lanes = 4, ...`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Value
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.request import Config, Request

GROUP = "group"  # the name of the family of groups
_FACTS = ("family", "reads", "outputs")


@dataclass(frozen=True)
class Share:
    """One member in the configuration of a group.

    family: its kernel family; reads, outputs: how many of the group's inputs and results are its own; config:
    its own configuration.
    """

    family: str
    reads: int
    outputs: int
    config: Config


@dataclass(frozen=True)
class GroupPart:
    """One member of a group as a kernel of its own: its request, and its share of the configuration."""

    request: Request
    share: Share


def group_config(shares: Sequence[Share]) -> Config:
    """The configuration of a group with the members SHARES, in order."""
    config: Config = {}
    for index, share in enumerate(shares):
        facts: Config = {"family": share.family, "reads": share.reads, "outputs": share.outputs}
        config |= {f"m{index}_{key}": value for key, value in (facts | share.config).items()}
    return config


def shares_of(config: Config) -> list[Share]:
    """The members in CONFIG, the configuration of a group: the inverse of `group_config`.

    Raises KeyError or ValueError when CONFIG is not one.
    """
    tables: dict[str, Config] = {}
    for key, value in config.items():
        member, _, name = key.partition("_")
        tables.setdefault(member, {})[name] = value
    if list(tables) != [f"m{index}" for index in range(len(tables))] or not tables:
        raise ValueError("a group's configuration lists its members in order: m0_..., m1_...")
    return [
        Share(
            family=str(table["family"]),
            reads=int(table["reads"]),
            outputs=int(table["outputs"]),
            config={key: value for key, value in table.items() if key not in _FACTS},
        )
        for table in tables.values()
    ]


def member_blocks(block: Block, shares: Sequence[Share]) -> list[Block]:
    """The regions of the members SHARES, split from the region BLOCK of a group.

    Raises ValueError when BLOCK has other numbers of arguments or results, or when members share a value.
    Linear in the number of ops.
    """
    counts = sum(share.reads for share in shares), sum(share.outputs for share in shares)
    least = min(min(share.reads, share.outputs) for share in shares)
    if counts != (len(block.arguments), len(block.terminator.inputs)) or least < 0:
        raise ValueError("the members of the group do not have as many inputs and results as its region")
    given = [index for index, share in enumerate(shares) for _ in range(share.reads)]
    taken = [index for index, share in enumerate(shares) for _ in range(share.outputs)]
    owners = _owners(block, zip(block.terminator.inputs, taken, strict=True))
    blocks = [Block() for _ in shares]
    copies: dict[Value, Value] = {}
    for argument, index in zip(block.arguments, given, strict=True):
        if owners.setdefault(argument, index) != index:
            raise ValueError(f"member {owners[argument]} of the group reads an input of member {index}")
        copies[argument] = blocks[index].add_argument(argument.type, argument.hint)
    for op in block:
        if op.next is not None and any(value in owners for value in op.results):
            blocks[_owner(op, owners)].append(clone_op(op, copies))
    for index, part in enumerate(blocks):
        results = zip(block.terminator.inputs, taken, strict=True)
        part.append(Yield(*[copies[value] for value, member in results if member == index]))
    return blocks


def _owners(block: Block, results: Iterable[tuple[Value, int]]) -> dict[Value, int]:
    """The member that each used value belongs to, found by walking backwards from the results."""
    owners: dict[Value, int] = {}
    for value, index in results:
        _own(owners, value, index)
    for op in reversed(list(block)[:-1]):
        if any(value in owners for value in op.results):
            index = _owner(op, owners)
            for value in op.inputs:
                _own(owners, value, index)
    return owners


def _own(owners: dict[Value, int], value: Value, index: int) -> None:
    if owners.setdefault(value, index) != index:
        raise ValueError(f"members {owners[value]} and {index} of the group share a value")


def _owner(op: Operation, owners: dict[Value, int]) -> int:
    return next(owners[value] for value in op.results if value in owners)


def of_members(target: ArchSpec) -> ArchSpec:
    """The target that the members of a group on TARGET are made for: a group has no clusters."""
    return target.without(Feature.CLUSTERS)


def parts_of(request: Request, config: Config) -> list[GroupPart]:
    """The members of the group REQUEST with CONFIG; KeyError or ValueError when they are not a group."""
    shares = shares_of(config)
    parts = []
    read = wrote = 0
    for index, (share, block) in enumerate(zip(shares, member_blocks(request.region, shares), strict=True)):
        own = Request(
            region=block,
            writes=request.writes[wrote : wrote + share.outputs],
            ranges=request.ranges,
            optimum=request.optimum,
            target=of_members(request.target),
            name=f"member_{index}",
            weights=frozenset(at - read for at in request.weights if read <= at < read + share.reads),
        )
        parts.append(GroupPart(own, share))
        read, wrote = read + share.reads, wrote + share.outputs
    return parts
