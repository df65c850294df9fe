"""The ledger records of the overrides of a precision policy: which of them took effect, and where."""

from __future__ import annotations

from ....dialects.core.dtypes import I8, DType
from ....dialects.core.ir import Operation
from ....dialects.core.traits import Trait, has
from ....dialects.fused import FusedKernel
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from ...settings.policy import Override

OVERRIDE = "precision-override"


def _verdict(override: Override, op: Operation) -> tuple[Verdict, str]:
    """Whether OVERRIDE, the one that counts for OP, has an effect on it, and the reason."""
    asked = f"{override} asks for {override.format.name}"
    own = _without_floats(op)
    # An override to eight bits requests bytes.
    if own is None or (override.format.quantizes and own.bits == I8.bits):
        return Verdict.TAKEN, asked
    return Verdict.REFUSED, f"{asked}, but policies are about f32, and this is {own}"


def _without_floats(op: Operation) -> DType | None:
    """The type that OP multiplies or returns, if it is no float that formats apply to; else None."""
    values = op.inputs[:1] if has(op, Trait.CONTRACTION) else (*op.results, *op.inputs)
    dtypes = [value.type.dtype for value in values]
    return None if any(each.is_float and each.bits > I8.bits for each in dtypes) else dtypes[0]


class OverrideRecords:
    """Records the ops and kernels that each override matches, and the overrides that match none."""

    def __init__(self, context: PassContext) -> None:
        self._context = context
        self._used: set[Override] = set()

    def note(self, kernel: FusedKernel) -> None:
        """Record the overrides about ops of KERNEL."""
        policy = self._context.policy
        for op in kernel.body.block if policy.overrides else ():
            override = policy.override_of(op) if op.results else None
            if override is not None:
                self._used.add(override)
                verdict, reason = _verdict(override, op)
                nodes = op.location.nodes
                self._context.ledger.add(OVERRIDE, verdict, reason, ops=(op.name,), nodes=nodes)

    def finish(self) -> None:
        """Record the overrides that match no op, for example because rewrites removed it."""
        for override in self._context.policy.overrides:
            if override not in self._used:
                reason = f"{override}: it counts for no op that runs"
                self._context.ledger.add(OVERRIDE, Verdict.REFUSED, reason)
