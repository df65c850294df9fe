"""A summary of a plan's ledger, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...dialects.core.traits import Trait, has
from ..passes.ledger import ESTIMATED, Record, Verdict
from ..precision.formats.mismatch import FALLBACK
from .facts import BESIDE, OF_NO_NODE, REWRITES, Facts, Launch
from .nodes import fate_of

SHOWN_REFUSALS = 10


def summarize(facts: Facts, refusals: int = SHOWN_REFUSALS) -> dict[str, Any]:
    """A summary as JSON data: launches, the fates of nodes, each rule's decisions and savings, and the
    REFUSALS refused decisions that cost the most bytes."""
    return {
        "nodes": len(facts.origins),
        "launches": len(facts.launches),
        "families": dict(Counter(launch.op.family for launch in facts.launches)),
        "grouped": sum(len(launch.members) for launch in facts.launches if len(launch.members) > 1),
        "precisions": dict(Counter(format for launch in facts.launches for format in _executed(launch))),
        "fallbacks": [record.text() for record in facts.records if record.rule == FALLBACK],
        "times_estimated_from": sorted(
            {str(r.figures[ESTIMATED]) for r in facts.records if ESTIMATED in r.figures}
        ),
        "copies": sum(not _computes(launch.op) for launch in facts.launches),
        "states": dict(Counter(fate_of(facts, node).state for node in facts.origins)),
        "decisions": len(facts.records),
        "bytes_saved": sum(_figure(r, "bytes_saved") for r in facts.records if r.verdict is Verdict.TAKEN),
        "launches_saved": sum(
            _figure(r, "launches_saved") for r in facts.records if r.verdict is Verdict.TAKEN
        ),
        "rules": _rules(facts.records),
        "refused": [_refusal(record) for record in _largest(facts)[:refusals]],
    }


def _executed(launch: Launch) -> list[str]:
    """The format that each kernel of LAUNCH executes in; "unsaid" where the IR text does not give it."""
    return [str(member.formats.get("executed", "unsaid")) for member in launch.members]


def _computes(kernel: Any) -> bool:
    """False for kernels that only move elements or change their type."""
    ops = [op for op in kernel.body.block if not has(op, Trait.TERMINATOR)]
    return not all(has(op, Trait.MOVEMENT) or op.name == "graph.cast" for op in ops)


def _rules(records: list[Record]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for record in records:
        empty = {"rule": record.rule, **dict.fromkeys(map(str, Verdict), 0)}
        row = rows.setdefault(record.rule, empty | {"bytes_saved": 0, "launches_saved": 0})
        row[str(record.verdict)] += 1
        if record.verdict is Verdict.TAKEN:
            for key in ("bytes_saved", "launches_saved"):
                row[key] += _figure(record, key)
    return list(rows.values())


def _largest(facts: Facts) -> list[Record]:
    """The refusals that are the final decision about an edge of the model, by the bytes that they cost."""
    last: dict[tuple[str, ...], Record] = {}
    for record in facts.records:
        if record.split and record.consumers and not _is_beside(record):
            last.update(dict.fromkeys(_edges(facts, record), record))
    refused = [record for record in _once(last.values()) if record.verdict is not Verdict.TAKEN]
    refused.sort(key=lambda record: -_figure(record, "bytes_saved"))
    return [record for record in refused if _figure(record, "bytes_saved") > 0]


def _is_beside(record: Record) -> bool:
    """True for a taken decision that is not about the edge between the nodes that it names."""
    return record.verdict is Verdict.TAKEN and record.rule in (*OF_NO_NODE, *REWRITES, *BESIDE)


def _edges(facts: Facts, record: Record) -> list[tuple[str, ...]]:
    """The edges from producers to consumers of RECORD; all its nodes as one if rewrites left no edge."""
    producers = set(record.producers)
    consumers = (facts.origins[node] for node in record.consumers if node in facts.origins)
    edges: list[tuple[str, ...]] = [
        (read, reader.node) for reader in consumers for read in reader.reads if read in producers
    ]
    return edges or [record.nodes]


def _once(records: Iterable[Record]) -> list[Record]:
    """RECORDS without duplicates, by identity, since two decisions may have equal text."""
    return list({id(record): record for record in records}.values())


def _refusal(record: Record) -> dict[str, Any]:
    return {
        "producers": list(record.producers),
        "consumers": list(record.consumers),
        "rule": record.rule,
        "reason": record.reason,
        "bytes": _figure(record, "bytes_saved"),
        "launches": _figure(record, "launches_saved"),
    }


def _figure(record: Record, key: str) -> int:
    value = record.figures.get(key, 0)
    return int(value) if isinstance(value, (int, float)) else 0
