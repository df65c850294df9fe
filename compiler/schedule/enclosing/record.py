"""Ledger records of launches as one without what is between them: one for every first one of such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...kernels.choice import Planned
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from .draft import EnclosingDraft

ENCLOSE_DEPTHWISE = "enclose-depthwise"
JOIN_BOTTLENECKS = "join-bottlenecks"
JOIN_CACHES = "join-caches"


@dataclass(frozen=True, eq=False)
class EnclosingOutcome:
    """What became of DRAFT: the kernel that it is PLANNED as, or None, and the reason.

    disabled: a switch forbids it; saved: the microseconds that it saves; together: those of the one launch;
    bytes_saved: what need be neither stored nor loaded.
    """

    draft: EnclosingDraft
    planned: Planned | None
    reason: str
    disabled: bool = False
    saved: float = 0.0
    together: float = 0.0
    bytes_saved: int = 0


def record(
    context: PassContext, rule: str, outcome: EnclosingOutcome, nodes: Sequence[tuple[str, ...]]
) -> None:
    """Record OUTCOME of RULE, about launches that compute NODES, at the sizes that kernels are tuned for."""
    verdict = Verdict.DISABLED if outcome.disabled else Verdict.REFUSED
    context.ledger.add(
        rule,
        verdict if outcome.planned is None else Verdict.TAKEN,
        outcome.reason,
        ops=[f"{op.name} @{op.kernel}" for op in outcome.draft.ops],
        nodes=dict.fromkeys(node for each in nodes for node in each),
        split=len(nodes[0]),
        bytes_saved=outcome.bytes_saved,
        launches_saved=len(outcome.draft.ops) - 1,
        microseconds_saved=round(outcome.saved, 3),
        microseconds_together=round(outcome.together, 3),
    )
