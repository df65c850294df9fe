"""The ledger: one record for every decision of the compiler, taken or refused, in order.

The plan holds it as JSON, and `glassrt explain` answers from it. Records depend on the model and the rules
only (no wall-clock times, no addresses), so that the same model gives the same ledger. The records are
preceded by the origins: the nodes of the model before any pass, and what each of them reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

Figure = int | float | str | bool
TIME = "microseconds"  # how the keys of expected times begin
ESTIMATED = "microseconds_estimated_from"  # the card that expected times were measured on, if another
SHOWN_NAMES = 8  # names in a line of text


class Verdict(StrEnum):
    """The outcome for a candidate: taken, refused, or disabled by a switch."""

    TAKEN = "taken"
    REFUSED = "refused"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Origin:
    """A node of the model before any pass.

    ops: the names of the ops that it was imported as, none if its results were computed at import; reads: the
    nodes whose results it reads; gives: the names of its results, other than the node's own name.
    """

    node: str
    ops: tuple[str, ...]
    reads: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The origin as plain JSON data."""
        lists = {"ops": self.ops, "reads": self.reads, "gives": self.gives}
        return {"node": self.node} | {key: list(value) for key, value in lists.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Origin:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on anything else."""
        lists = (tuple(str(name) for name in data.get(key, ())) for key in ("ops", "reads", "gives"))
        return cls(str(data["node"]), *lists)


@dataclass(frozen=True)
class Record:
    """One decision. Raises ValueError when a figure is infinite or NaN.

    rule: the rule's name ("contraction-epilogue"); ops: the IR operations concerned, consumer last;
    nodes: the names of their ONNX nodes; split: in a decision about a producer and a consumer, how many of
    the nodes, from the front, are the producer's (0: it is not about such a pair); reason: one sentence;
    figures: the numbers that the decision rests on, sorted by key, with the unit in the key. `bytes_saved`
    and `launches_saved` are what a taken decision saves, and what a refused one would have saved. target:
    in a plan for several targets, the one that it was decided for; empty if the decision is for all.
    """

    rule: str
    ops: tuple[str, ...]
    nodes: tuple[str, ...]
    verdict: Verdict
    reason: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    split: int = 0
    target: str = ""

    def __post_init__(self) -> None:
        for key, value in self.figures.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"figure {key!r} of rule {self.rule!r} is {value}")
        object.__setattr__(self, "figures", MappingProxyType(dict(sorted(self.figures.items()))))

    @property
    def producers(self) -> tuple[str, ...]:
        """The producer's nodes, in a decision about a pair; empty otherwise."""
        return self.nodes[: self.split]

    @property
    def consumers(self) -> tuple[str, ...]:
        """The consumer's nodes, in a decision about a pair; a node of both counts as the producer's."""
        return self.nodes[self.split :]

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON data."""
        data = {
            "rule": self.rule,
            "ops": list(self.ops),
            "nodes": list(self.nodes),
            "verdict": str(self.verdict),
            "reason": self.reason,
            "figures": dict(self.figures),
        }
        rare = {"split": self.split, "target": self.target}
        return data | {key: value for key, value in rare.items() if value}

    def text(self) -> str:
        """The record as one line for people; characters that could steer a terminal are escaped."""
        if self.split and (self.consumers or len(self.ops) > 1):
            about = f"{_names(self.producers)} -> {_names(self.consumers or self.ops[-1:])}"
        else:
            about = _names(self.nodes or self.ops)
        figures = ", ".join(f"{key} {_number(value)}" for key, value in self.figures.items())
        where = f" for {self.target}" if self.target else ""
        line = f"{self.verdict} {self.rule}{where}: {about}: {self.reason}"
        line += f" ({figures})" if figures else ""
        if line.isprintable():
            return line
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            rule=str(data["rule"]),
            ops=tuple(str(op) for op in data["ops"]),
            nodes=tuple(str(node) for node in data["nodes"]),
            verdict=Verdict(data["verdict"]),
            reason=str(data["reason"]),
            figures=dict(data["figures"]),
            split=int(data.get("split", 0)),
            target=str(data.get("target", "")),
        )


def _names(names: tuple[str, ...]) -> str:
    more = f", and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _number(value: Figure) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Ledger:
    """An append-only list of records, and the origins of the nodes that they name.

    ESTIMATED_FROM is the card whose measured times stand in for the target's, empty where the target itself
    was measured (`ArchSpec.estimated_from`); records of expected times say so by a figure.
    """

    def __init__(
        self, records: Iterable[Record] = (), origins: Iterable[Origin] = (), estimated_from: str = ""
    ) -> None:
        self._records: list[Record] = []
        self.origins = list(origins)
        self.estimated_from = estimated_from
        for record in records:
            self.append(record)

    def append(self, record: Record) -> None:
        """Add RECORD."""
        if self.estimated_from and any(key.startswith(TIME) for key in record.figures):
            record = replace(record, figures={ESTIMATED: self.estimated_from} | dict(record.figures))
        self._records.append(record)

    def add(
        self,
        rule: str,
        verdict: Verdict,
        reason: str,
        *,
        ops: Iterable[str] = (),
        nodes: Iterable[str] = (),
        split: int = 0,
        **figures: Figure,
    ) -> None:
        """Add a record of these fields; the remaining keywords are its figures."""
        self.append(Record(rule, tuple(ops), tuple(nodes), verdict, reason, figures, split))

    def about(self, *names: str) -> list[Record]:
        """The records that name all of NAMES, each as an operation or as a node."""
        return [record for record in self if set(names) <= {*record.ops, *record.nodes}]

    def to_json(self) -> list[dict[str, Any]]:
        """The origins and the records as plain JSON data, in order."""
        return [*(origin.to_json() for origin in self.origins), *(record.to_json() for record in self)]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> Ledger:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on anything else."""
        items = list(data)
        origins = [Origin.from_json(item) for item in items if "node" in item]
        return cls((Record.from_json(item) for item in items if "node" not in item), origins)

    def dumps(self) -> str:
        """JSON text with one record per line: equal ledgers give equal bytes, unequal ones a short diff."""
        lines = ",\n".join(json.dumps(item, ensure_ascii=True, allow_nan=False) for item in self.to_json())
        return f"[\n{lines}\n]\n" if lines else "[]\n"

    def text(self) -> str:
        """The records as text for people, one per line."""
        return "".join(f"{record.text()}\n" for record in self)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
