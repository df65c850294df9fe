"""Ledger records of chaining: one for every two contractions of which one reads the result of the other."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.choice import Planned
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from .draft import ChainDraft

CHAIN_CONTRACTIONS = "chain-contractions"
OTHER = "the result of the first is multiplied again for another one, which saves more"


@dataclass(frozen=True, eq=False)
class ChainOutcome:
    """What became of DRAFT: the kernel that it is PLANNED as, or None, and the reason.

    disabled: a switch forbids it; saved: the microseconds that it saves; together: those of the one launch;
    bytes_saved: what need not be loaded.
    """

    draft: ChainDraft
    planned: Planned | None
    reason: str
    disabled: bool = False
    saved: float = 0.0
    together: float = 0.0
    bytes_saved: int = 0

    @property
    def rank(self) -> tuple[bool, float]:
        """A sort key: the greater, the better."""
        return (self.planned is not None, self.saved)


def record(
    context: PassContext, outcome: ChainOutcome, nodes: tuple[str, ...], others: tuple[str, ...], best: bool
) -> None:
    """Record OUTCOME, about launches that compute NODES and OTHERS, at the sizes that kernels are tuned for.

    BEST: whether it is, of those with the same first launch.
    """
    verdict = Verdict.DISABLED if outcome.disabled else Verdict.REFUSED
    taken = outcome.planned is not None
    context.ledger.add(
        CHAIN_CONTRACTIONS,
        Verdict.TAKEN if taken and best else verdict,
        OTHER if taken and not best else outcome.reason,
        ops=[f"{op.name} @{op.kernel}" for op in outcome.draft.ops],
        nodes=dict.fromkeys((*nodes, *others)),
        split=len(nodes),
        bytes_saved=outcome.bytes_saved,
        launches_saved=1,
        microseconds_saved=round(outcome.saved, 3),
        microseconds_together=round(outcome.together, 3),
    )
