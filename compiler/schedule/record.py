"""Ledger records of the kernels that launches are planned with."""

from __future__ import annotations

from ...dialects.core.ir import Block
from ...dialects.core.location import Location
from ..kernels.choice import Planned
from ..passes.ledger import Verdict
from ..passes.manager import PassContext
from ..passes.spilled import SPILLED
from ..passes.tactic_record import tactic_record


def record_planned(context: PassContext, planned: Planned, region: Block, location: Location) -> None:
    """Record the kernels that PLANNED, for REGION at LOCATION, replaces because they spill registers, and the
    tactic it is by."""
    ops = [op.name for op in region if op.next is not None]
    if planned.instead:
        reason = "; ".join(planned.instead)
        context.ledger.add(SPILLED, Verdict.TAKEN, reason, ops=ops, nodes=location.nodes)
    if planned.tactic is not None:
        context.ledger.append(tactic_record(planned.tactic, planned.name, tuple(ops), location.nodes))
