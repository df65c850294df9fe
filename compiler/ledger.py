"""The ledger: one record for every decision of the compiler, taken or refused, in order.

It travels in the plan as JSON and answers `glassrt explain`. Records hold facts of the model
and the rules only (no times, no addresses), so that the same model gives the same ledger.
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


class Verdict(StrEnum):
    """What became of a candidate."""

    TAKEN = "taken"
    REFUSED = "refused"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Record:
    """One decision.

    rule: the rule's name ("fuse-epilogue"); ops: the IR operations concerned, consumer last;
    nodes: the names of their ONNX nodes; reason: one sentence; figures: the numbers it rests
    on (units in the key, as in "bytes_saved"), finite, kept in order of key.
    """

    rule: str
    ops: tuple[str, ...]
    nodes: tuple[str, ...]
    verdict: Verdict
    reason: str
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.figures.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"figure {key!r} of rule {self.rule!r} is {value}")
        object.__setattr__(self, "figures", MappingProxyType(dict(sorted(self.figures.items()))))

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON data."""
        return {
            "rule": self.rule,
            "ops": list(self.ops),
            "nodes": list(self.nodes),
            "verdict": str(self.verdict),
            "reason": self.reason,
            "figures": dict(self.figures),
        }

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
        )


class Ledger:
    """An append-only list of records."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records = list(records)

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
        **figures: Figure,
    ) -> None:
        """Add a decision; the remaining keywords are its figures."""
        self.append(Record(rule, tuple(ops), tuple(nodes), verdict, reason, figures))

    def about(self, *names: str) -> list[Record]:
        """The records that mention every one of `names`, as an operation or as a node."""
        return [record for record in self if set(names) <= {*record.ops, *record.nodes}]

    def to_json(self) -> list[dict[str, Any]]:
        """The records as plain JSON data, in order."""
        return [record.to_json() for record in self]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> Ledger:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on anything else."""
        return cls(Record.from_json(item) for item in data)

    def dumps(self) -> str:
        """JSON text with one record per line: equal ledgers give equal bytes, unequal ones a short diff."""
        lines = ",\n".join(json.dumps(item, ensure_ascii=True, allow_nan=False) for item in self.to_json())
        return f"[\n{lines}\n]\n" if lines else "[]\n"

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
