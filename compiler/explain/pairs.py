"""Whether two nodes run in one kernel, by which rules, and if not, why not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from ...errors import InputError
from ..conversion.grouping.record import GROUP_LAUNCHES
from ..ledger import Figure, Record, Verdict
from .facts import Facts
from .nodes import fate_of


@dataclass(frozen=True)
class Step:
    """Two nodes that one rule put together."""

    a: str
    b: str
    rule: str
    reason: str


@dataclass(frozen=True)
class PairAnswer:
    """The answer about two nodes, the one that is read first.

    verdict: 'fused' (they share a launch), 'refused', 'disabled', 'view', 'constant', 'eliminated'
    (one of them does not run), 'rewritten' (they no longer meet), 'distant' (neither reads the
    other) or 'unknown'; rule, reason and figures are what decided. steps: how a shared kernel
    came to have both. path: the nodes from one to the other. records: all decisions about both. asked:
    the names that the two were asked by.
    """

    a: str
    b: str
    verdict: str
    rule: str = ""
    reason: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    adjacent: bool = True
    launches: tuple[int, ...] = ()
    places: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    steps: tuple[Step, ...] = ()
    path: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    asked: tuple[str, str] = ("", "")

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON data."""
        return {
            "asked": list(self.asked),
            "nodes": [self.a, self.b],
            "verdict": self.verdict,
            "rule": self.rule,
            "reason": self.reason,
            "figures": dict(self.figures),
            "adjacent": self.adjacent,
            "launches": list(self.launches),
            "places": [list(place) for place in self.places],
            "steps": [vars(step) for step in self.steps],
            "path": list(self.path),
            "records": list(self.records),
        }


def explain_pair(facts: Facts, first: str, second: str) -> PairAnswer:
    """The answer for the nodes or tensors called FIRST and SECOND, in either order. Raises InputError."""
    a, b = facts.resolve(first), facts.resolve(second)
    if a == b:
        raise InputError(f"'{first}' and '{second}' are one node, {a}", "leave one of them out")
    asked = (first, second)
    if b in facts.origins[a].reads:
        a, b = b, a
        asked = (second, first)
    adjacent = a in facts.origins[b].reads
    records = facts.about(a, b)
    answer = _decided(facts, a, b, adjacent, records)
    return replace(
        answer,
        adjacent=adjacent,
        places=(tuple(facts.where.get(a, ())), tuple(facts.where.get(b, ()))),
        records=tuple(record.text() for record in records),
        asked=asked if answer.a == a else asked[::-1],
    )


def _decided(facts: Facts, a: str, b: str, adjacent: bool, records: list[Record]) -> PairAnswer:
    shared = [index for index in facts.where.get(a, ()) if index in facts.where.get(b, ())]
    if shared:
        return _fused(facts, a, b, shared)
    gone = _not_running(facts, a, b)
    if gone is not None and (adjacent or not records):
        return gone
    against = [record for record in records if record.verdict is not Verdict.TAKEN]
    if against:
        last = against[-1]
        return PairAnswer(a, b, str(last.verdict), last.rule, last.reason, last.figures)
    if not adjacent:
        return _distant(facts, a, b)
    rewrite = facts.rewrite(a, b)
    if rewrite is not None:
        reason = f"{' and '.join(rewrite.nodes[:3])} was rewritten, and they no longer meet: {rewrite.reason}"
        return PairAnswer(a, b, "rewritten", rewrite.rule, reason)
    return PairAnswer(a, b, "unknown", "", "the plan was built from IR text in which this was decided")


def _not_running(facts: Facts, a: str, b: str) -> PairAnswer | None:
    for node in (a, b):
        fate = fate_of(facts, node)
        if fate.state != "runs":
            return PairAnswer(a, b, fate.state, fate.rule, f"{node}: {fate.reason}")
    return None


# ---------------------------------------------------------------- in one kernel


def _fused(facts: Facts, a: str, b: str, shared: list[int]) -> PairAnswer:
    steps: list[Step] = []
    for index in shared:
        steps = _steps(facts, a, b, index)
        if steps:
            break
    last = steps[-1] if steps else Step(a, b, "", "one kernel has both")
    rules = list(dict.fromkeys(step.rule for step in steps if step.rule))
    return PairAnswer(
        a, b, "fused", ", ".join(rules), last.reason, launches=tuple(shared), steps=tuple(steps)
    )


def _steps(facts: Facts, a: str, b: str, index: int) -> list[Step]:
    """The shortest chain of decisions that leads from A to B inside launch INDEX."""
    launch = facts.launches[index]
    own = launch.with_nodes(a, b)
    inside = set(launch.members[own[0]].nodes if own else launch.nodes)
    groups: dict[str, list[tuple[str, ...]]] = {}
    for group in launch.groups:
        for node in group if len(group) > 1 else ():
            groups.setdefault(node, []).append(group)

    def links(node: str) -> Iterable[tuple[str, Record | None]]:
        for record in facts.by_node.get(node, ()):
            # What brought a kernel into a group did not bring its own nodes together.
            if record.verdict is Verdict.TAKEN and not (own and record.rule == GROUP_LAUNCHES):
                for other in _partners(record, node):
                    yield other, record
        for group in groups.get(node, ()):
            for other in group:
                yield other, None

    came: dict[str, Step] = {}
    waiting = deque([a])
    while waiting and b not in came:
        node = waiting.popleft()
        for other, record in links(node):
            if other in inside and other not in came and other != a:
                came[other] = _step(facts, node, other, record)
                waiting.append(other)
    steps: list[Step] = []
    while b in came:
        steps.append(came[b])
        b = came[b].a
    return steps[::-1]


def _partners(record: Record, node: str) -> tuple[str, ...]:
    if not record.split:
        return record.nodes
    return record.consumers if node in record.producers else record.producers


def _step(facts: Facts, node: str, other: str, record: Record | None) -> Step:
    if record is None:
        record = facts.rewrite(node, other)
        if record is None:
            return Step(node, other, "", "one op stands for both")
        return Step(node, other, record.rule, f"one op stands for both: {record.reason}")
    return Step(node, other, record.rule, record.reason)


# ---------------------------------------------------------------- far apart


def _distant(facts: Facts, a: str, b: str) -> PairAnswer:
    path = _path(a, b, lambda node: facts.readers.get(node, ()))
    if not path:
        path = _path(b, a, lambda node: facts.readers.get(node, ()))
        a, b = (b, a) if path else (a, b)
    if not path:
        reason = "neither depends on the other, and no group has the kernels of both"
        return PairAnswer(a, b, "distant", "", reason)
    lead = f"they do not touch: {len(path) - 1} steps lead from {a} to {b}"
    gap = next(((x, y) for x, y in pairwise(path) if not _together(facts, x, y)), None)
    if gap is None:
        reason = f"{lead}, and nodes between them run in several launches"
        return PairAnswer(a, b, "distant", "", reason, path=tuple(path))
    where = explain_pair(facts, *gap)
    why = f"{where.verdict}: {where.reason}"
    reason = f"{lead}, and the way leaves the kernel between {where.a} and {where.b} ({why})"
    return PairAnswer(a, b, "distant", where.rule, reason, where.figures, path=tuple(path))


def _together(facts: Facts, a: str, b: str) -> bool:
    return bool(set(facts.where.get(a, ())) & set(facts.where.get(b, ())))


def _path(start: str, goal: str, following: Callable[[str], Iterable[str]]) -> list[str]:
    """The shortest path from START to GOAL; empty when there is none."""
    came = {start: start}
    waiting = deque([start])
    while waiting and goal not in came:
        node = waiting.popleft()
        for other in following(node):
            if other not in came:
                came[other] = node
                waiting.append(other)
    if goal not in came:
        return []
    path = [goal]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1]
