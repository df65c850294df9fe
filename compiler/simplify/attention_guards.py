"""Guards against queries whose keys are all masked out: zeros where softmax gives NaN."""

from __future__ import annotations

import math

from ...dialects.core.ir import Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Equal
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.softmax import Softmax
from ...dialects.graph.unary import Isnan, Not
from ..patterns.matching import is_splat, only_use, produced_by
from ..patterns.spelling import orders, scalar
from .attention_scores import scores_of

MOST_GUARDS = 6  # most ops between the scores and a guard's condition


def guards(op: Where, module: Module) -> bool:
    """True for where(isnan(p), 0, p), and for where(all keys are masked out, 0, p), with p = softmax(x).

    Whether they are may be asked of the scores, or, as in ONNX's body of Attention, of a mask added to them.
    """
    if not is_splat(op.x, 0, module) or op.y.type.shape != op.result.type.shape:
        return False
    isnan = produced_by(op.condition, Isnan)
    if isnan is not None:
        return isnan.x is op.y and set(op.y.users) == {op, isnan}
    softmax = produced_by(op.y, Softmax)
    if softmax is None or not only_use(op.y):
        return False
    masked = _is_masked_out(op.condition, softmax.x, module)
    return masked or _all_are_minus_infinity(op.condition, softmax.x, module)


def _is_masked_out(value: Value, scores: Value, module: Module) -> bool:
    """True when VALUE is, for each row of the only mask that is added to SCORES, whether it is minus infinity
    throughout."""
    largest = produced_by(value, Equal)
    for row, low in orders(largest) if largest is not None else ():
        reduce = produced_by(row, Reduce)
        last = reduce is not None and tuple(reduce.axes) == (reduce.x.type.rank - 1,) and reduce.keepdims
        if reduce is None or not last or reduce.kind != "max" or scalar(low, module) != -math.inf:
            continue
        found = scores_of(scores, module)
        return found is not None and [mask.value for mask in found.masks] == [reduce.x]
    return False


def _all_are_minus_infinity(value: Value, scores: Value, module: Module) -> bool:
    """True when VALUE is, for each row of SCORES, whether all its elements are minus infinity."""
    negations = [0, 0]  # outside and inside the reduction
    kind = ""
    for _ in range(MOST_GUARDS):
        op = value.producer
        if isinstance(op, Equal):
            same = any(x is scores and scalar(y, module) == -math.inf for x, y in orders(op))
            every = (kind in ("all", "min"), kind in ("any", "max"))
            flips = negations[0] % 2, negations[1] % 2
            return same and ((every[0] and flips == (0, 0)) or (every[1] and flips == (1, 1)))
        if isinstance(op, Not):
            negations[bool(kind)] += 1
        elif isinstance(op, Reduce) and not kind and tuple(op.axes) == (op.x.type.rank - 1,) and op.keepdims:
            kind = str(op.kind)
        elif not isinstance(op, Cast):
            return False
        value = op.inputs[0]
    return False
