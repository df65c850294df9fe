"""Ledger records of grouping: one for every launch that had a group to consider."""

from __future__ import annotations

from ....dialects.launch import Kernel
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from .drafts import Outcome

GROUP_LAUNCHES = "group-launches"


def record(context: PassContext, outcome: Outcome, op: Kernel, nodes: tuple[str, ...]) -> None:
    """Record whether OP, which computes NODES, joined the group of OUTCOME, and why.

    Grouping saves launches but no loads or stores, so `bytes_saved` is 0.
    """
    verdict = Verdict.DISABLED if outcome.disabled else Verdict.REFUSED
    group = outcome.before.nodes
    context.ledger.add(
        GROUP_LAUNCHES,
        verdict if outcome.joined is None else Verdict.TAKEN,
        outcome.reason,
        ops=[f"{member.name} @{member.kernel}" for member in (*outcome.before.ops, op)],
        nodes=dict.fromkeys((*group, *nodes)),
        split=len(group),
        bytes_saved=0,
        launches_saved=1,
        microseconds_saved=round(outcome.saved, 3),
        microseconds_together=round(outcome.together, 3),
    )
