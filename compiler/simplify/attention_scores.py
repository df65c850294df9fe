"""The scores of attention in the ops that exporters emit: a scaled product with masks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Add
from ...dialects.graph.constants import Constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.trigonometric import Tanh
from ..patterns.matching import only_use
from ..patterns.spelling import MOST_DEPTH, orders, scalar, scalings

ABSORBING = -1e30  # the f32 sum of this number and any score below 1e22 is this number


@dataclass(frozen=True)
class Mask:
    """A mask on scores whose leading dimensions are `leading` there.

    factor times a mask of floats is added to them. Where a condition is false (if inverted: true) they become
    `fill`, which is None for masks that are added.
    """

    value: Value
    leading: tuple[Dim, ...]
    factor: float
    inverted: bool = False
    fill: float | None = None


@dataclass(frozen=True)
class Scores:
    """The scores: scale * q k^T, or cap * tanh(scale * q k^T / cap) if there is a cap, with masks, of which
    the last one applied is the first.

    leading: the leading dimensions of the scores where they have most of them; absorbed: the ops between
    product and softmax.
    """

    product: Matmul
    scale: float
    cap: float
    masks: tuple[Mask, ...]
    leading: tuple[Dim, ...]
    absorbed: tuple[Operation, ...]

    @property
    def selects(self) -> bool:
        """Whether all masks are conditions, with the same number where one of them does not hold."""
        fills = {mask.fill for mask in self.masks}
        return len(fills) == 1 and None not in fills

    @property
    def expressible(self) -> bool:
        """Whether one mask operand can do what the masks do.

        Conditions beside other masks become numbers that are added, which have to absorb the scores.
        """
        fills = [mask.fill for mask in self.masks if mask.fill is not None]
        wide = self.product.sum_dtype.bits >= 32 and self.product.a.type.dtype.bits >= 32
        absorbing = all(fill == -math.inf or (wide and fill <= ABSORBING) for fill in fills)
        positive = all(mask.factor > 0 for mask in self.masks if mask.fill is not None)
        own = self.product.result.type.shape[:-2]
        return (
            positive
            and (self.selects or absorbing)
            and {mask.leading for mask in self.masks} <= {own, self.leading}
        )


@dataclass(frozen=True)
class _Step:
    """An op between product and softmax: what it is done to, and the factor or the mask that it applies, or
    whether it is the tanh that caps scores."""

    inner: Value
    factor: float = 1.0
    mask: Mask | None = None
    capped: bool = False


def scores_of(value: Value, module: Module) -> Scores | None:
    """VALUE as a product of queries and keys with scales and masks; None when it is anything else."""
    factor, cap = 1.0, 0.0
    absorbed: list[Operation] = []
    masks: list[Mask] = []
    leading = value.type.shape[:-2]
    for _ in range(2 * MOST_DEPTH):
        op = value.producer
        if op is None or (absorbed and not only_use(value)):
            return None
        leading = max(leading, value.type.shape[:-2], key=len)
        if isinstance(op, Matmul):
            found = Scores(op, factor, cap, tuple(masks), leading, tuple(absorbed))
            return found if found.expressible else None
        step = _step(op, factor, module)
        if step is None or (cap and (step.capped or step.mask is not None)):
            return None
        if step.capped and not 0 < factor < math.inf:
            return None
        absorbed.append(op)
        masks += [step.mask] if step.mask is not None else []
        cap = factor if step.capped else cap
        value, factor = step.inner, factor * step.factor
    return None


def _step(op: Operation, factor: float, module: Module) -> _Step | None:
    """What OP does to scores, whose result is multiplied by FACTOR afterwards; None for any other op."""
    leading = op.result.type.shape[:-2]
    scaled = list(scalings(op.result, module))[1:2]
    if scaled:
        return _Step(*scaled[0])
    match op:
        case Cast() if op.to.is_float and op.x.type.dtype.is_float:
            return _Step(op.x)
        case Tanh():
            return _Step(op.x, capped=True)
        case Reshape() if op.x.type.shape[-2:] == op.result.type.shape[-2:]:
            return _Step(op.x)
        case Add():
            for inner, mask in orders(op):
                if inner.type.shape == op.result.type.shape and _leads_to_product(inner, module):
                    return _Step(inner, mask=Mask(mask, leading, factor))
        case Where():
            for inner, condition, inverted, fill in _selected(op, module):
                return _Step(inner, mask=Mask(condition, leading, factor, inverted, fill * factor))
    return None


def _leads_to_product(value: Value, module: Module) -> bool:
    """True when VALUE is a product of two computed tensors, with any scales, masks and casts applied."""
    for _ in range(2 * MOST_DEPTH):
        op = value.producer
        if isinstance(op, Matmul):
            return not isinstance(op.b.producer, Constant)
        step = None if op is None else _step(op, 1.0, module)
        if step is None:
            return False
        value = step.inner
    return False


def _selected(op: Where, module: Module) -> Iterator[tuple[Value, Value, bool, float]]:
    """(scores, condition, inverted, fill) of where(condition, scores, fill), or inverted the other way."""
    for inner, other, inverted in ((op.x, op.y, False), (op.y, op.x, True)):
        fill = scalar(other, module)
        if fill is not None and fill < 0 and inner.type.shape == op.result.type.shape:
            yield inner, op.condition, inverted, fill
