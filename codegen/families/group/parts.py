"""A group's configuration and region, taken apart into those of its members.

The region of a grouped launch holds the members' regions side by side: the arguments of the first
member, then those of the second, and the results likewise. The configuration says how many of
each a member has, which family runs it and how: `m0_family = loop, m0_reads = 1, m0_outputs = 1,
m0_lanes = 4, ...`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Value
from ...request.request import Config, Request

GROUP = "group"
_FACTS = ("family", "reads", "outputs")


@dataclass(frozen=True)
class Share:
    """What a group's configuration says of one member."""

    family: str
    reads: int
    outputs: int
    config: Config


@dataclass(frozen=True)
class GroupPart:
    """One member as a kernel of its own."""

    request: Request
    share: Share


def group_config(shares: Sequence[Share]) -> Config:
    """The configuration of a group of SHARES."""
    config: Config = {}
    for index, share in enumerate(shares):
        facts: Config = {"family": share.family, "reads": share.reads, "outputs": share.outputs}
        config |= {f"m{index}_{key}": value for key, value in (facts | share.config).items()}
    return config


def shares_of(config: Config) -> list[Share]:
    """The inverse of `group_config`. KeyError or ValueError for what is none."""
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
    """A region for each of SHARES, from the region of a group; ValueError when it does not come apart.

    Linear in the operations.
    """
    counts = sum(share.reads for share in shares), sum(share.outputs for share in shares)
    least = min(min(share.reads, share.outputs) for share in shares)
    if counts != (len(block.arguments), len(block.terminator.inputs)) or least < 0:
        raise ValueError("the members of the group have not as many inputs and results as its region")
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
    """The member that every needed value belongs to, found from the results up."""
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


def parts_of(request: Request, config: Config) -> list[GroupPart]:
    """The members of a group, each as a request; ValueError or KeyError when it is no group."""
    shares = shares_of(config)
    parts = []
    read = wrote = 0
    for index, (share, block) in enumerate(zip(shares, member_blocks(request.region, shares), strict=True)):
        own = Request(
            region=block,
            writes=request.writes[wrote : wrote + share.outputs],
            ranges=request.ranges,
            optimum=request.optimum,
            target=request.target,
            name=f"member_{index}",
            weights=frozenset(at - read for at in request.weights if read <= at < read + share.reads),
        )
        parts.append(GroupPart(own, share))
        read, wrote = read + share.reads, wrote + share.outputs
    return parts
