"""What the ledger says of inverted residuals."""

from __future__ import annotations

from typing import Any

from glassrt.compiler.kernels.choice import Planned
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.schedule.enclosing.record import ENCLOSE_DEPTHWISE, EnclosingOutcome, record
from glassrt.compiler.settings.policy import PrecisionPolicy

from .test_draft import drafts

PLANNED: Any = Planned.__new__(Planned)


def test_verdicts() -> None:
    draft = drafts()[0][0]
    for outcome, verdict in (
        (EnclosingOutcome(draft, PLANNED, "faster", saved=5.0, bytes_saved=64), Verdict.TAKEN),
        (EnclosingOutcome(draft, None, "slower"), Verdict.REFUSED),
        (EnclosingOutcome(draft, None, "off", disabled=True), Verdict.DISABLED),
    ):
        context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"))
        record(context, ENCLOSE_DEPTHWISE, outcome, [("a", "b"), ("b", "c"), ("d",)])
        (made,) = context.ledger
        assert (made.rule, made.verdict, made.reason) == (ENCLOSE_DEPTHWISE, verdict, outcome.reason)
        assert made.nodes == ("a", "b", "c", "d") and made.split == 2
        assert made.figures["launches_saved"] == 2
