"""The launches of two plans side by side: what each runs together, by which kernels, in which formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...dialects.core.types import TensorType
from ...errors import InputError
from ..kernels.members import Member
from ..report.facts import Facts, Launch
from ..report.pairs import explain_pair

MOST_REASONS = 2  # for one difference in fusion


@dataclass(frozen=True)
class Spot:
    """The launches of both plans that compute some nodes, which no other launches compute.

    a, b: their numbers; empty where a plan has none of the nodes in any launch.
    """

    nodes: tuple[str, ...]
    a: tuple[int, ...]
    b: tuple[int, ...]

    @property
    def alike(self) -> bool:
        """Whether both plans have one launch here."""
        return len(self.a) == len(self.b) == 1


@dataclass(frozen=True)
class Fusion:
    """A place where the plans run nodes together in other ways; reasons: sentences from their ledgers."""

    a: tuple[tuple[str, ...], ...]
    b: tuple[tuple[str, ...], ...]
    launches: tuple[tuple[int, ...], tuple[int, ...]]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A trait of what both plans have: `what` it is a trait of, and what each has; kind: "kernel" or "format"
    of traits of kernels."""

    what: str
    trait: str
    a: str
    b: str
    kind: str = ""


def spots_of(a: Facts, b: Facts) -> list[Spot]:
    """The launches of both, joined where they share nodes, in the order of A; launches of no node apart."""
    sides = [[set(launch.nodes) for launch in facts.launches] for facts in (a, b)]
    owner: dict[str, int] = {}  # node -> group
    groups: list[tuple[tuple[list[int], list[int]], set[str]]] = []
    for side, launches in enumerate(sides):
        for index, nodes in enumerate(launches):
            met = sorted({owner[node] for node in nodes if node in owner})
            at = met[0] if met else len(groups)
            if not met:
                groups.append((([], []), set()))
            for other in met[1:]:
                for own, more in zip(groups[at][0], groups[other][0], strict=True):
                    own.extend(more)
                groups[at][1].update(groups[other][1])
                groups[other] = (([], []), set())
            groups[at][0][side].append(index)
            groups[at][1].update(nodes)
            owner |= dict.fromkeys(groups[at][1], at)
    order = [facts.origins for facts in (a, b)]
    return [
        Spot(_in_order(nodes, *order), tuple(sorted(own)), tuple(sorted(other)))
        for (own, other), nodes in groups
        if own or other
    ]


def _in_order(nodes: Iterable[str], *orders: Mapping[str, Any]) -> tuple[str, ...]:
    place = {name: at for order in reversed(orders) for at, name in enumerate(order)}
    return tuple(sorted(nodes, key=lambda name: (place.get(name, len(place)), name)))


def fusions_of(a: Facts, b: Facts, spots: Sequence[Spot]) -> list[Fusion]:
    """The places where the plans do not run the same nodes together."""
    found = []
    for spot in spots:
        parts = _parts(a, spot.a), _parts(b, spot.b)
        if spot.a and spot.b and sorted(map(sorted, parts[0])) != sorted(map(sorted, parts[1])):
            found.append(Fusion(*parts, (spot.a, spot.b), tuple(_reasons(a, b, *parts))))
    return found


def _parts(facts: Facts, launches: Iterable[int]) -> tuple[tuple[str, ...], ...]:
    """The nodes of each kernel of LAUNCHES; of a group of launches, of each member."""
    return tuple(
        member.nodes or facts.launches[index].nodes
        for index in launches
        for member in facts.launches[index].members
    )


def _reasons(
    a: Facts, b: Facts, in_a: Sequence[Sequence[str]], in_b: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Why nodes that one of the plans has in one kernel are apart in the other."""
    count = 0
    for name, facts, whole, cut in (("B", b, in_a, in_b), ("A", a, in_b, in_a)):
        for first, second in _edges(facts, whole, cut):
            if count == MOST_REASONS:
                return
            count += 1
            yield f"{name}: {_reason(facts, first, second)}"


def _edges(
    facts: Facts, whole: Sequence[Sequence[str]], cut: Sequence[Sequence[str]]
) -> Iterator[tuple[str, str]]:
    """A producer and a consumer that WHOLE has together, and CUT has not."""
    together = [set(nodes) for nodes in cut]
    for nodes in whole:
        for node in nodes:
            for source in facts.origins[node].reads if node in facts.origins else ():
                if source in nodes and not any({source, node} <= each for each in together):
                    yield source, node


def _reason(facts: Facts, first: str, second: str) -> str:
    try:
        answer = explain_pair(facts, first, second)
    except InputError as error:
        return error.message
    by = f" by {answer.rule}" if answer.rule else ""
    return f"{first} and {second}: {answer.verdict}{by}: {answer.reason}"


def changes_of(a: Facts, b: Facts, spots: Sequence[Spot]) -> list[Change]:
    """The families, configurations, formats and types in which launches of the same nodes differ."""
    found: list[Change] = []
    for spot in spots:
        if spot.alike:
            one, other = (f.launches[at[0]] for f, at in ((a, spot.a), (b, spot.b)))
            for left, right in zip(one.members, other.members, strict=False):
                what = ", ".join(left.nodes) or one.op.kernel
                kinds = {"kernel": _tactics(left, right), "format": _formats(one, left, other, right)}
                rows = [Change(what, *row, kind) for kind, each in kinds.items() for row in each]
                found += [row for row in rows if row.a != row.b]
    return found


def _tactics(left: Member, right: Member) -> Iterator[tuple[str, str, str]]:
    """The families of two kernels, or what differs in the configurations of one family."""
    if left.family != right.family:
        yield "kernel", _kernel(left), _kernel(right)
        return
    changed = [
        key for key in {**left.config, **right.config} if left.config.get(key) != right.config.get(key)
    ]
    texts = [", ".join(f"{key} {own.config.get(key, '-')}" for key in changed) for own in (left, right)]
    yield f"configuration of {left.family}", texts[0], texts[1]


def _kernel(member: Member) -> str:
    config = ", ".join(f"{key} {value}" for key, value in member.config.items())
    return f"{member.family} ({config})" if config else member.family


def _formats(one: Launch, left: Member, other: Launch, right: Member) -> Iterator[tuple[str, str, str]]:
    """The formats that two kernels compute in, and the types that they store."""
    for trait, key in _FORMATS.items():
        one_has, other_has = (
            each.formats[key].name if key in each.formats else "-" for each in (left, right)
        )
        yield trait, one_has, other_has
    stored = [
        ", ".join(_stored(value.type) for value in launch.op.writes[own.writes])
        for launch, own in ((one, left), (other, right))
    ]
    yield "stores", stored[0], stored[1]


def _stored(type: TensorType) -> str:
    """The element type and the layout of TYPE, without its shape."""
    _, comma, layout = str(type).removeprefix("tensor<").removesuffix(">").partition(", ")
    return type.dtype.name + (comma + layout if type.layout.is_dense else "")


_FORMATS = {"requested": "requested", "computes in": "compute", "executed in": "executed"}
