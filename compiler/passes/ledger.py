"""The ledger: one record for every decision of the compiler, taken or refused, in order.

It travels in the plan as JSON and answers `glassrt explain`. Records hold facts of the model
and the rules only (no times, no addresses), so that the same model gives the same ledger. Before
the records stand the origins: the nodes of the model as it came in, and what each of them read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

Figure = int | float | str | bool
SHOWN_NAMES = 8  # in a line of text


class Verdict(StrEnum):
    """What became of a candidate."""

    TAKEN = "taken"
    REFUSED = "refused"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Origin:
    """A node of the model before any pass.

    ops: what it was imported as; reads: the nodes whose results it reads; gives: names of its
    results, as far as they have any beside the node's own name.
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
    """One decision.

    rule: the rule's name ("contraction-epilogue"); ops: the IR operations concerned, consumer last;
    nodes: the names of their ONNX nodes; split: in a decision about a producer and a consumer, how
    many of the nodes, from the front, are the producer's (0: it is not about such a pair); reason:
    one sentence; figures: the numbers it rests on (units in the key, as in "bytes_saved"), finite,
    kept in order of key. `bytes_saved` and `launches_saved` are what a taken decision saves, and
    what a refused one would have saved.
    """

    rule: str
    ops: tuple[str, ...]
    nodes: tuple[str, ...]
    verdict: Verdict
    reason: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    split: int = 0

    def __post_init__(self) -> None:
        for key, value in self.figures.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"figure {key!r} of rule {self.rule!r} is {value}")
        object.__setattr__(self, "figures", MappingProxyType(dict(sorted(self.figures.items()))))

    @property
    def producers(self) -> tuple[str, ...]:
        """The nodes of the producer, in a decision about a pair."""
        return self.nodes[: self.split]

    @property
    def consumers(self) -> tuple[str, ...]:
        """The nodes of the consumer, in a decision about a pair; a node of both is the producer's."""
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
        return data | ({"split": self.split} if self.split else {})

    def text(self) -> str:
        """The record as one line for people; what could steer a terminal is shown as its escape."""
        if self.split and (self.consumers or len(self.ops) > 1):
            about = f"{_names(self.producers)} -> {_names(self.consumers or self.ops[-1:])}"
        else:
            about = _names(self.nodes or self.ops)
        figures = ", ".join(f"{key} {_number(value)}" for key, value in self.figures.items())
        line = f"{self.verdict} {self.rule}: {about}: {self.reason}" + (f" ({figures})" if figures else "")
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
        )


def _names(names: tuple[str, ...]) -> str:
    more = f", and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _number(value: Figure) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Ledger:
    """An append-only list of records, and the origins they speak of."""

    def __init__(self, records: Iterable[Record] = (), origins: Iterable[Origin] = ()) -> None:
        self._records = list(records)
        self.origins = list(origins)

    def append(self, record: Record) -> None:
        """Add a decision already made into a record."""
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
        """Add a decision; the remaining keywords are its figures."""
        self.append(Record(rule, tuple(ops), tuple(nodes), verdict, reason, figures, split))

    def about(self, *names: str) -> list[Record]:
        """The records that mention every one of `names`, as an operation or as a node."""
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
        """The records for people, a line each."""
        return "".join(f"{record.text()}\n" for record in self)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
