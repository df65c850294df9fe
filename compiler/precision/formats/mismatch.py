"""Fallbacks: kernels that run in another format than requested; an error unless the policy allows them."""

from __future__ import annotations

import glob
import shlex
from dataclasses import dataclass, field

from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Block, Operation
from ....dialects.core.traits import Trait, has
from ....errors import UnsupportedError
from ....errors.diagnostic import Diagnostic
from ...passes.ledger import Verdict
from ...passes.manager import PassContext

FALLBACK = "precision-fallback"
SHOWN_OVERRIDES = 3


@dataclass
class Mismatches:
    """Collects the kernels of one lowering to LEVEL that run in another format than requested."""

    level: str
    context: PassContext
    _offenders: list[Diagnostic] = field(default_factory=list)
    _overrides: list[str] = field(default_factory=list)

    def add(
        self,
        requested: DType,
        got: DType,
        reason: str,
        body: Block,
        nodes: tuple[str, ...],
        leader: Operation | None = None,
        remedy: str = "fp32",
    ) -> None:
        """Record that the kernel of BODY, for the ONNX nodes NODES, runs in GOT instead of REQUESTED, for
        REASON.

        LEADER is the op whose format is the kernel's. REMEDY is a format in which it can run and that the
        hint suggests; empty when there is none."""
        ops = [op.name for op in body if op.next is not None and not has(op, Trait.CONSTANT)]
        self.context.ledger.add(FALLBACK, Verdict.TAKEN, reason, ops=ops, nodes=nodes,
                                requested=requested.name, executed=got.name)  # fmt: skip
        about = ", ".join(nodes) or ", ".join(ops)
        text = f"{about}: {requested} was requested, but it runs in {got}: {reason}"
        self._offenders.append(Diagnostic(text, nodes=tuple(nodes), level=self.level))
        named = nodes if leader is None or not leader.location.nodes else leader.location.nodes
        self._overrides += [override_text(node, remedy) for node in named[:1] if remedy]

    def check(self) -> None:
        """Raise UnsupportedError, which lists the kernels, unless the policy allows fallbacks."""
        if not self._offenders or self.context.policy.allow_fallback:
            return
        count = len(self._offenders)
        subject = "1 kernel runs" if count == 1 else f"{count} kernels run"
        overrides = self._overrides
        more = f" and {len(overrides) - SHOWN_OVERRIDES} more" if len(overrides) > SHOWN_OVERRIDES else ""
        asked = f", or request a format that it can run in: {' '.join(overrides[:SHOWN_OVERRIDES])}{more}"
        raise UnsupportedError(
            f"{self.level} level: {subject} in another format than requested",
            f"allow it with --allow-fallback (allow_fallback=True){asked if overrides else ''}",
            self._offenders,
        )


def override_text(node: str, format: str) -> str:
    """The option that requests FORMAT at the ONNX node NODE, quoted for a shell."""
    return f"--override {shlex.quote(f'node:{glob.escape(node)}={format}')}"
