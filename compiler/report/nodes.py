"""The answer about one node: where it runs, or which decision removed it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..fusion.vertical.record import VIEW, VIEW_SLICE
from ..passes.tactic_record import chosen_by
from ..simplify.fold_constants import FoldConstants
from .answer_text import node_lines
from .facts import Facts
from .presented import Block, Report

CONSTANT = "graph.constant"
FOLDED = "it was computed at import, from constants and sizes"

_STATES = {FoldConstants.name: "constant", VIEW: "view", VIEW_SLICE: "view"}


@dataclass(frozen=True)
class Fate:
    """The fate of a node: `state` is 'runs', 'view', 'constant' or 'eliminated'; rule, reason: why."""

    state: str
    rule: str = ""
    reason: str = ""


def fate_of(facts: Facts, node: str) -> Fate:
    """The fate of NODE, a node of the model."""
    if node in facts.where:
        return Fate("runs")
    if not facts.origins[node].ops:
        return Fate("constant", "", FOLDED)
    if set(facts.origins[node].ops) == {CONSTANT}:
        return Fate("constant", "", "it is a constant of the model")
    record = facts.removal(node)
    if record is not None:
        return Fate(_STATES.get(record.rule, "eliminated"), record.rule, record.reason)
    return _with_readers(facts, node)


def _with_readers(facts: Facts, node: str) -> Fate:
    """The fate of a NODE without uses: eliminated by the rewrite of its nearest consumer, or by dce."""
    waiting, seen = deque([node]), {node}
    while waiting:
        for reader in facts.readers.get(waiting.popleft(), ()):
            rewrite = facts.rewrite(reader)
            if rewrite is not None:
                reason = f"nothing reads it any more since {reader} was rewritten: {rewrite.reason}"
                return Fate("eliminated", rewrite.rule, reason)
            if reader not in seen:
                seen.add(reader)
                waiting.append(reader)
    return Fate("eliminated", "dce", "no output of the model depends on it")


@dataclass(frozen=True)
class Home:
    """A launch that a node runs in, with its kernel and number formats.

    together: the other nodes of its kernel; beside: in a grouped launch, the nodes of the other members;
    family and config are those of the node's own kernel; chosen: by what they were chosen, with its times.
    """

    launch: int
    kernel: str
    family: str
    config: dict[str, Any]
    together: tuple[str, ...]
    formats: dict[str, str]
    beside: tuple[str, ...] = ()
    chosen: str = ""


@dataclass(frozen=True, repr=False)
class NodeAnswer(Report):
    """Everything about one node; `asked` is the name in the question, `records` are the decisions about the
    node, as text."""

    asked: str
    node: str
    ops: tuple[str, ...]
    fate: Fate
    homes: tuple[Home, ...] = ()
    records: tuple[str, ...] = field(default=())

    def blocks(self) -> Iterable[Block]:
        return node_lines(self)

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON data."""
        return {
            "asked": self.asked,
            "node": self.node,
            "ops": list(self.ops),
            "state": self.fate.state,
            "rule": self.fate.rule,
            "reason": self.fate.reason,
            "launches": [
                vars(home) | {"together": list(home.together), "beside": list(home.beside)}
                for home in self.homes
            ],
            "records": list(self.records),
        }


def explain_node(facts: Facts, name: str) -> NodeAnswer:
    """The answer about the node or tensor NAME. Raises InputError when there is none."""
    node = facts.resolve(name)
    homes = tuple(_home(facts, index, node) for index in facts.where.get(node, ()))
    records = tuple(record.text() for record in facts.by_node.get(node, ()))
    return NodeAnswer(name, node, facts.origins[node].ops, fate_of(facts, node), homes, records)


def _home(facts: Facts, index: int, node: str) -> Home:
    launch = facts.launches[index]
    # A launch that has a node by its location only has it in no member.
    member = launch.members[next(iter(launch.with_nodes(node)), 0)]
    others = tuple(other for other in member.nodes if other != node)
    beside = tuple(other for other in launch.nodes if other != node and other not in member.nodes)
    kernel = facts.precision_of((node,))
    formats = {}
    if kernel is not None:
        keys = ("requested", "compute", "accumulate", "why")
        formats = {key: str(kernel.attributes[key]) for key in keys}
        formats |= {key: format.name for key, format in member.formats.items()}
    config, chosen = dict(member.config), chosen_by(facts.records, launch.op.kernel)
    return Home(index, launch.op.kernel, member.family, config, others, formats, beside, chosen)
