"""What the ledger says of chains."""

from __future__ import annotations

from typing import Any

from glassrt.compiler.kernels.choice import Planned
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.schedule.chaining.draft import ChainDraft, drafted
from glassrt.compiler.schedule.chaining.record import CHAIN_CONTRACTIONS, OTHER, ChainOutcome, record
from glassrt.compiler.settings.policy import PrecisionPolicy

from .test_draft import pointwise

PLANNED: Any = Planned.__new__(Planned)


def draft() -> ChainDraft:
    first, second, _ = pointwise(128, 64, 32)
    found = drafted(first, second)
    assert found is not None
    return found


def recorded(outcome: ChainOutcome, best: bool) -> tuple[Verdict, str]:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"))
    record(context, outcome, ("a", "b"), ("b", "c"), best)
    (made,) = context.ledger
    assert made.rule == CHAIN_CONTRACTIONS and made.nodes == ("a", "b", "c") and made.split == 2
    assert made.figures["bytes_saved"] == outcome.bytes_saved and made.figures["launches_saved"] == 1
    return made.verdict, made.reason


def test_verdicts() -> None:
    pair = draft()
    taken = ChainOutcome(pair, PLANNED, "faster", saved=5.0, together=9.0, bytes_saved=64)
    assert recorded(taken, best=True) == (Verdict.TAKEN, "faster")
    assert recorded(taken, best=False) == (Verdict.REFUSED, OTHER)
    assert recorded(ChainOutcome(pair, None, "slower"), best=True) == (Verdict.REFUSED, "slower")
    assert recorded(ChainOutcome(pair, None, "off", disabled=True), best=True) == (Verdict.DISABLED, "off")


def test_what_saves_most_comes_first() -> None:
    pair = draft()
    outcomes = [
        ChainOutcome(pair, None, "", saved=9.0),
        *(ChainOutcome(pair, PLANNED, "", saved=s) for s in (1.0, 2.0)),
    ]
    assert max(outcomes, key=lambda outcome: outcome.rank).saved == 2.0
