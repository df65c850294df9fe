"""The ledger of a plan in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...dialects.core.traits import Trait, has
from ..passes.ledger import Record, Verdict
from ..precision.formats.mismatch import FALLBACK
from .facts import BESIDE, OF_NO_NODE, REWRITES, Facts, Launch
from .nodes import fate_of

SHOWN_REFUSALS = 10


def summarize(facts: Facts, refusals: int = SHOWN_REFUSALS) -> dict[str, Any]:
    """Launches, what became of the nodes, every rule's decisions and savings, the costliest refusals."""
    return {
        "nodes": len(facts.origins),
        "launches": len(facts.launches),
        "families": dict(Counter(launch.op.family for launch in facts.launches)),
        "grouped": sum(len(launch.members) for launch in facts.launches if len(launch.members) > 1),
        "precisions": dict(Counter(format for launch in facts.launches for format in _executed(launch))),
        "fallbacks": [record.text() for record in facts.records if record.rule == FALLBACK],
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
    """The formats that the kernels of LAUNCH work in; "unsaid" where IR text does not say it."""
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
    """The refusals that are the last word on an edge of the model, by the bytes they cost."""
    last: dict[tuple[str, ...], Record] = {}
    for record in facts.records:
        if record.split and record.consumers and not _is_beside(record):
            last.update(dict.fromkeys(_edges(facts, record), record))
    refused = [record for record in _once(last.values()) if record.verdict is not Verdict.TAKEN]
    refused.sort(key=lambda record: -_figure(record, "bytes_saved"))
    return [record for record in refused if _figure(record, "bytes_saved") > 0]


def _is_beside(record: Record) -> bool:
    """True for what was done, but not to the edge whose nodes it names."""
    return record.verdict is Verdict.TAKEN and record.rule in (*OF_NO_NODE, *REWRITES, *BESIDE)


def _edges(facts: Facts, record: Record) -> list[tuple[str, ...]]:
    """The edges from a producer to a consumer of RECORD; all its nodes where rewrites left none of these."""
    producers = set(record.producers)
    consumers = (facts.origins[node] for node in record.consumers if node in facts.origins)
    edges: list[tuple[str, ...]] = [
        (read, reader.node) for reader in consumers for read in reader.reads if read in producers
    ]
    return edges or [record.nodes]


def _once(records: Iterable[Record]) -> list[Record]:
    """RECORDS, each once, by identity: two decisions may read the same."""
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
