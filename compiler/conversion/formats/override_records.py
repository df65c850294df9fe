"""What became of every override of a precision policy, in the ledger."""

from __future__ import annotations

from ....dialects.fused import Kernel
from ...ledger import Verdict
from ...passes import PassContext
from ...policy import Override

OVERRIDE = "precision-override"


class OverrideRecords:
    """Notes which ops of which kernels an override is about, and the overrides that are about none."""

    def __init__(self, context: PassContext) -> None:
        self._context = context
        self._used: set[Override] = set()

    def note(self, kernel: Kernel) -> None:
        """Record the overrides about ops of KERNEL."""
        policy = self._context.policy
        for op in kernel.body.block if policy.overrides else ():
            override = policy.override_of(op) if op.results else None
            if override is not None:
                self._used.add(override)
                reason = f"{override} asks for {override.format.name}"
                nodes = op.location.nodes
                self._context.ledger.add(OVERRIDE, Verdict.TAKEN, reason, ops=(op.name,), nodes=nodes)

    def finish(self) -> None:
        """Record the overrides that no op was found for: rewrites may have taken its ops away."""
        for override in self._context.policy.overrides:
            if override not in self._used:
                reason = f"{override}: it counts for no op that runs"
                self._context.ledger.add(OVERRIDE, Verdict.REFUSED, reason)
