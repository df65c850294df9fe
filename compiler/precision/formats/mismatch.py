"""Fallbacks: kernels that run in another precision than requested, recorded if allowed, else an error."""

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
    """Those of one conversion at LEVEL."""

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
        """The kernel of BODY, which stands for NODES, was to run in REQUESTED and runs in GOT.

        LEADER is the op whose format is the kernel's; REMEDY is the format that it could be asked for
        instead, empty when there is none.
        """
        ops = [op.name for op in body if op.next is not None and not has(op, Trait.CONSTANT)]
        self.context.ledger.add(FALLBACK, Verdict.TAKEN, reason, ops=ops, nodes=nodes,
                                requested=requested.name, executed=got.name)  # fmt: skip
        about = ", ".join(nodes) or ", ".join(ops)
        text = f"{about}: {requested} is asked for, it runs in {got}: {reason}"
        self._offenders.append(Diagnostic(text, nodes=tuple(nodes), level=self.level))
        named = nodes if leader is None or not leader.location.nodes else leader.location.nodes
        self._overrides += [override_text(node, remedy) for node in named[:1] if remedy]

    def check(self) -> None:
        """UnsupportedError that lists the kernels, unless the policy allows them."""
        if not self._offenders or self.context.policy.allow_fallback:
            return
        count = len(self._offenders)
        subject = "1 kernel gets" if count == 1 else f"{count} kernels get"
        overrides = self._overrides
        more = f" and {len(overrides) - SHOWN_OVERRIDES} more" if len(overrides) > SHOWN_OVERRIDES else ""
        asked = f", or ask for what it can do: {' '.join(overrides[:SHOWN_OVERRIDES])}{more}"
        raise UnsupportedError(
            f"{self.level} level: {subject} another precision than was asked for",
            f"allow it with --allow-fallback (allow_fallback=True){asked if overrides else ''}",
            self._offenders,
        )


def override_text(node: str, format: str) -> str:
    """The option that asks for FORMAT at the ONNX node NODE, quoted for a shell."""
    return f"--override {shlex.quote(f'node:{glob.escape(node)}={format}')}"
