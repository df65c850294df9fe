"""What the shape of a network keeps in floats: the last products before outputs, and streams of residuals."""

from __future__ import annotations

from collections.abc import Iterable

from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.binary import Add
from ....dialects.graph.normalization import LayerNorm, RmsNorm
from ...patterns.flow import Sources, makers

NORMS = (LayerNorm, RmsNorm)


def last_contractions(outputs: Iterable[Value], sources: Sources) -> set[Operation]:
    """For each of OUTPUTS the contractions that lead to it through no other contraction, and to no other
    contraction before it.

    The products that write to a stream of residuals all lead to the output through sums alone; all but the
    last lead to later products, too.
    """
    found: set[Operation] = set()
    for output in outputs:
        near = {op for op in makers([output], sources, _is_contraction) if _is_contraction(op)}
        if len(near) > 1:
            near -= makers([x for op in near for x in op.inputs], sources, lambda op: False).keys()
        found |= near
    return found


def residual_sums(block: Block) -> set[Operation]:
    """The sums of BLOCK that a norm reads, at once or as a part of further sums.

    They are a transformer's stream of residuals. Every layer adds to it, so what eight bits lose of it is
    there until the end; a norm gives what contractions read.
    """
    found: set[Operation] = set()
    for op in reversed(list(block)):
        if isinstance(op, Add) and any(user in found or isinstance(user, NORMS) for user in op.result.users):
            found.add(op)
    return found


def _is_contraction(op: Operation) -> bool:
    return has(op, Trait.CONTRACTION)
