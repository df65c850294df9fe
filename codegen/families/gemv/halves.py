"""Products of few rows whose epilogues read both halves of the columns: a gate, and what it lets through.

    y = matmul(x, w); f(y[..., :half], y[..., half:])

A block has the same columns of both halves, so that a thread has both accumulators of a result.
"""

from __future__ import annotations

from dataclasses import replace

from ....dialects.core.builtin import Yield
from ....dialects.core.ir import Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.movement.slicing import Slice
from ....dialects.graph.packed import PackedMatmul
from ..contraction.binding import Contraction


def with_halves(contraction: Contraction | None) -> Contraction | None:
    """CONTRACTION with the columns of one half, if all that reads its result is computed of both halves at
    the same column; None where it is not."""
    if contraction is None or not isinstance(contraction.root, (Matmul, PackedMatmul)):
        return None
    if contraction.problem.batch:
        return None
    columns = contraction.problem.n
    if not isinstance(columns, int) or columns % 2 or not _is_halved(contraction.root.result, columns // 2):
        return None
    return replace(contraction, problem=replace(contraction.problem, n=columns // 2, halves=True))


def half_of(op: Operation, half: int) -> int | None:
    """The first column of the HALF that OP takes, 0 or HALF; None if it takes something else."""
    if not isinstance(op, Slice) or op.result.type.shape != (*op.x.type.shape[:-1], half):
        return None
    *lead, start = op.starts
    whole = not any(lead) and all(step == 1 for step in op.step_list)
    return int(str(start)) if whole and start in (0, half) else None


def _is_halved(result: Value, half: int) -> bool:
    """Whether RESULT is read by elementwise ops and halves alone, and halves by elementwise ops."""
    pending, seen = [result], {result}
    while pending:
        value = pending.pop()
        whole = value.type.shape[-1] == 2 * half
        for op in value.users:
            if isinstance(op, Yield):
                if whole:
                    return False
                continue
            halved = whole and half_of(op, half) is not None
            plain = has(op, Trait.ELEMENTWISE) and op.result.type.shape == value.type.shape
            if not halved and not plain:
                return False
            if op.result not in seen:
                seen.add(op.result)
                pending.append(op.result)
    return True
