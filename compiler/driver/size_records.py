"""The ledger records of decisions about sizes."""

from __future__ import annotations

from ...dialects.core.module import Module
from ..passes.ledger import Ledger, Verdict

DETERMINE = "determine-size"
DERIVE = "derive-size"
CONSTRAIN = "constrain-sizes"

SUMMARIES = {
    DETERMINE: "a size that can have one value only => that value, everywhere",
    DERIVE: "a size that is a minimum, a maximum or a choice => a symbol that is computed from others",
    CONSTRAIN: "sizes that fit for some values only => a constraint, checked before every run",
}


def record_sizes(module: Module, ledger: Ledger) -> None:
    """Add a record to LEDGER for every determined or derived symbol and every constraint of MODULE."""
    for name, found in module.determined.items():
        reason = f"{name} = {found.dim}: {found.why}"
        ledger.add(DETERMINE, Verdict.TAKEN, reason, nodes=found.location.nodes)
    for name, definition in module.derived.items():
        span = module.symbols[name]
        ledger.add(DERIVE, Verdict.TAKEN, f"{name} = {definition}, in {span.minimum}..{span.maximum}")
    for each in module.constraints:
        ledger.add(CONSTRAIN, Verdict.TAKEN, f"{each}: {each.why}", nodes=each.location.nodes)
