"""The answer about two nodes: whether they are fused into one kernel, by which rules, or why not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from ...errors import InputError
from ..fusion.vertical.record import ELIDE_CONCAT, VIEW, VIEW_SLICE
from ..passes.ledger import Record, Verdict
from ..schedule.grouping.record import GROUP_LAUNCHES
from ..schedule.streams.assign import CONCURRENCY
from .facts import BESIDE, REWRITES, Facts
from .nodes import fate_of
from .order import order_of
from .pair_answer import PairAnswer, PairStep

IN_PLACE = (VIEW, ELIDE_CONCAT, VIEW_SLICE)


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
    places = tuple(facts.where.get(a, ())), tuple(facts.where.get(b, ()))
    return replace(
        answer,
        adjacent=adjacent,
        places=places,
        kernels=(_kernels(facts, places[0]), _kernels(facts, places[1])),
        records=tuple(record.text() for record in records),
        asked=asked if answer.a == a else asked[::-1],
        order="" if answer.launches else _order(facts, *places),
    )


def _kernels(facts: Facts, place: Sequence[int]) -> tuple[str, ...]:
    return tuple(facts.launches[index].op.kernel for index in place)


def _decided(facts: Facts, a: str, b: str, adjacent: bool, records: list[Record]) -> PairAnswer:
    shared = [index for index in facts.where.get(a, ()) if index in facts.where.get(b, ())]
    if shared:
        return _fused(facts, a, b, shared)
    gone = _not_running(facts, a, b)
    cut = _cut(facts, a, b) if adjacent else None
    if gone is not None and cut is not None and gone.rule not in ("", cut.rule):
        return _rewritten(a, b, cut)
    if gone is not None and (adjacent or not records):
        return gone
    if adjacent:
        return _adjacent(facts, a, b, records)
    against = [r for r in records if r.verdict is not Verdict.TAKEN and r.rule != CONCURRENCY]
    return _by(a, b, str(against[-1].verdict), against[-1]) if against else _distant(facts, a, b)


def _adjacent(facts: Facts, a: str, b: str, records: list[Record]) -> PairAnswer:
    """The answer about A and its consumer B when no launch has both: the decision about their edge or, if
    there is none, the rewrite that removed the edge."""
    between = facts.between(a, b)
    if between and between[-1].verdict is Verdict.TAKEN and between[-1].rule in IN_PLACE:
        return _by(a, b, "view", between[-1])
    against = [record for record in between if record.verdict is not Verdict.TAKEN]
    if against:
        return _by(a, b, str(against[-1].verdict), against[-1])
    rewired = facts.rewired(a, b)
    if rewired is None:
        whole = [
            r for r in records if not r.split and r.verdict is not Verdict.TAKEN and r.rule not in BESIDE
        ]
        if whole:
            return _by(a, b, str(whole[-1].verdict), whole[-1])
        rewired = facts.rewrite(a, b)
    if rewired is None:
        reason = "the plan was built from IR text in which it was already decided"
        return PairAnswer(a, b, "unknown", "", reason)
    return _rewritten(a, b, rewired)


def _cut(facts: Facts, a: str, b: str) -> Record | None:
    """The rewrite that removed the edge from A to B, if no other decision was about that edge."""
    return None if facts.between(a, b) else facts.rewired(a, b)


def _rewritten(a: str, b: str, record: Record) -> PairAnswer:
    named = " and ".join((record.consumers or record.nodes)[:3])
    reason = f"{named} was rewritten, and they are no longer adjacent: {record.reason}"
    return replace(_by(a, b, "rewritten", record), reason=reason)


def _by(a: str, b: str, verdict: str, record: Record) -> PairAnswer:
    """The answer that RECORD gives."""
    pair = (record.producers, record.consumers) if record.split else ((), ())
    return PairAnswer(
        a, b, verdict, record.rule, record.reason, record.figures, producers=pair[0], consumers=pair[1]
    )


def _order(facts: Facts, one: Sequence[int], other: Sequence[int]) -> str:
    """How the last launch of ONE node and the first of the OTHER are ordered; empty if they are the same."""
    if not one or not other:
        return ""
    first, second = sorted((one[-1], other[0]))
    return order_of(facts.launches, first, second) if first != second else ""


def _not_running(facts: Facts, a: str, b: str) -> PairAnswer | None:
    for node in (a, b):
        fate = fate_of(facts, node)
        if fate.state != "runs":
            return PairAnswer(a, b, fate.state, fate.rule, f"{node}: {fate.reason}")
    return None


# ---------------------------------------------------------------- in one kernel


def _fused(facts: Facts, a: str, b: str, shared: list[int]) -> PairAnswer:
    steps: list[PairStep] = []
    for index in shared:
        steps = _steps(facts, a, b, index)
        if steps:
            break
    last = steps[-1] if steps else PairStep(a, b, "", "one kernel computes both")
    rules = list(dict.fromkeys(step.rule for step in steps if step.rule))
    return PairAnswer(
        a, b, "fused", ", ".join(rules), last.reason, launches=tuple(shared), steps=tuple(steps)
    )


def _steps(facts: Facts, a: str, b: str, index: int) -> list[PairStep]:
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
            # The record that put a kernel into a group did not fuse the kernel's own nodes.
            if record.verdict is Verdict.TAKEN and not _leaves_apart(record, own):
                for other in _partners(record, node):
                    yield other, record
        for group in groups.get(node, ()):
            for other in group:
                yield other, None

    came: dict[str, PairStep] = {}
    waiting = deque([a])
    while waiting and b not in came:
        node = waiting.popleft()
        for other, record in links(node):
            if other in inside and other not in came and other != a:
                came[other] = _step(facts, node, other, record)
                waiting.append(other)
    steps: list[PairStep] = []
    while b in came:
        steps.append(came[b])
        b = came[b].a
    return steps[::-1]


def _leaves_apart(record: Record, own: Sequence[int]) -> bool:
    """True when RECORD fused no nodes: it is a rewrite of a consumer, about streams, or about a group whose
    member OWN has both nodes anyway."""
    rewrote = record.rule in REWRITES and record.split > 0
    return rewrote or record.rule == CONCURRENCY or (bool(own) and record.rule == GROUP_LAUNCHES)


def _partners(record: Record, node: str) -> tuple[str, ...]:
    if not record.split:
        return record.nodes
    return record.consumers if node in record.producers else record.producers


def _step(facts: Facts, node: str, other: str, record: Record | None) -> PairStep:
    if record is None:
        record = facts.rewrite(node, other)
        if record is None:
            return PairStep(node, other, "", "one op stands for both")
        return PairStep(node, other, record.rule, f"one op stands for both: {record.reason}")
    return PairStep(node, other, record.rule, record.reason)


# ---------------------------------------------------------------- far apart


def _distant(facts: Facts, a: str, b: str) -> PairAnswer:
    path = _path(a, b, lambda node: facts.readers.get(node, ()))
    if not path:
        path = _path(b, a, lambda node: facts.readers.get(node, ()))
        a, b = (b, a) if path else (a, b)
    if not path:
        return _independent(facts, a, b)
    lead = f"they are not adjacent: the path from {a} to {b} has {len(path) - 1} edges"
    gap = next(((x, y) for x, y in pairwise(path) if not _together(facts, x, y)), None)
    if gap is None:
        reason = f"{lead}, and nodes between them run in several launches"
        return PairAnswer(a, b, "distant", "", reason, path=tuple(path))
    where = explain_pair(facts, *gap)
    why = f"{where.verdict}: {where.reason}"
    reason = f"{lead}, and it leaves the kernel between {where.a} and {where.b} ({why})"
    return PairAnswer(a, b, "distant", where.rule, reason, where.figures, path=tuple(path))


def _independent(facts: Facts, a: str, b: str) -> PairAnswer:
    """The answer about independent nodes: whether groups or streams run them together."""
    reason = "neither depends on the other"
    group = facts.last_about(GROUP_LAUNCHES, a, b)
    if group is not None and group.verdict is not Verdict.TAKEN:
        reason += f", and no grouped launch runs both kernels ({group.verdict}: {group.reason})"
    else:
        reason += ", and no grouped launch runs both kernels"
    order = _order(facts, facts.where.get(a, ()), facts.where.get(b, ()))
    streams = facts.last_about(CONCURRENCY, a, b)
    if streams is None:
        return PairAnswer(a, b, "distant", "", reason + (f"; {order}" if order else ""))
    reason += f"; {order} ({streams.verdict}: {streams.reason})"
    return PairAnswer(a, b, "distant", CONCURRENCY, reason, streams.figures)


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
