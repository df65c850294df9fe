"""What the compiler decided in a plan: overall, about a node, or about two nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ...runtime.arguments import checked
from ...runtime.plan import Plan
from .facts import Facts
from .nodes import NodeAnswer, explain_node
from .pair_answer import PairAnswer
from .pairs import explain_pair
from .presented import Block, Report
from .summary import summarize
from .summary_text import summary_blocks


@dataclass(frozen=True, repr=False)
class PlanSummary(Report):
    """The decisions about a plan in numbers: `figures`, by the names that its JSON data has."""

    figures: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return dict(self.figures)

    def blocks(self) -> Iterable[Block]:
        return summary_blocks(self.figures)


@checked
def explain_plan(
    whole: Plan, a: str | None = None, b: str | None = None, part: str | None = None
) -> PlanSummary | NodeAnswer | PairAnswer:
    """What was decided in the part of WHOLE for the target PART, else in the first: about A and B, which are
    nodes or tensors, about A alone, or overall.

    Raises InputError for a name that the model does not have, PlanError for a part that does not exist or a
    damaged plan.
    """
    facts = Facts.of(whole.parts[0] if part is None else whole.part(part))
    if a is None and b is not None:
        raise InputError("there is a second node without a first", "explain(a, b), or explain(a)")
    if a is None:
        return PlanSummary(summarize(facts))
    return explain_node(facts, a) if b is None else explain_pair(facts, a, b)
