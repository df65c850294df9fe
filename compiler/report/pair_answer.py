"""The answer about two nodes, and the steps by which they came into one kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..passes.ledger import Figure
from .answer_text import pair_lines
from .presented import Block, Report


@dataclass(frozen=True)
class PairStep:
    """Two nodes that one rule brought into one kernel."""

    a: str
    b: str
    rule: str
    reason: str


@dataclass(frozen=True, repr=False)
class PairAnswer(Report):
    """The answer about the nodes `a` and `b`; if one reads the other, `a` is the producer.

    verdict: 'fused' (they share a launch), 'refused', 'disabled', 'view', 'constant', 'eliminated'
    (one of them does not run), 'rewritten' (they are no longer adjacent), 'distant' (neither reads the
    other) or 'unknown'; rule, reason, figures: those of the deciding record; places: the launches of each;
    steps: how a shared kernel came to hold both; path: the nodes from one to the other; records: all
    decisions about both, as text; asked: the two names in the question; producers, consumers: the nodes of
    the deciding record, if it is about an edge; order: how separate launches are ordered;
    kernels: those of the launches in `places`.
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
    steps: tuple[PairStep, ...] = ()
    path: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    asked: tuple[str, str] = ("", "")
    producers: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    order: str = ""
    kernels: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def blocks(self) -> Iterable[Block]:
        return pair_lines(self)

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
            "producers": list(self.producers),
            "consumers": list(self.consumers),
            "order": self.order,
            "kernels": [list(kernels) for kernels in self.kernels],
        }
