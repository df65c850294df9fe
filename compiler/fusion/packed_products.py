"""packed-product: products of few rows multiply packed weights as they are stored.

    matmul(a, unpack_weights(w)) => packed_matmul(a, w)

Only where the target has a kernel for it that is expected to be faster than to unpack all weights first in
each run: for products of many rows or in other formats there is none. What may be faster still, weights that
are unpacked once (`unpack_once.py`), takes two to eight times the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...codegen.interface import ArchSpec, Candidate, Request, candidates, families
from ...dialects.control import all_blocks
from ...dialects.core.builtin import Yield
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Block, Operation
from ...dialects.core.location import Location
from ...dialects.core.module import Module
from ...dialects.core.types import Layout, TensorType
from ...dialects.graph.base import nofuse_of
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.packed import PackedMatmul, UnpackWeights
from ..passes.ledger import Verdict
from ..passes.manager import PassContext
from ..patterns.matching import constant_array, produced_by

RULE = "packed-product"


@dataclass(frozen=True)
class PackedProducts:
    """Replaces products of unpacked weights by those of packed ones, where TARGET is faster with them."""

    target: ArchSpec
    name: ClassVar[str] = RULE

    def run(self, module: Module, context: PassContext) -> Module:
        if RULE in context.disabled:
            return module
        prices = _Prices(module, context, self.target)
        for block in all_blocks(module):
            for op in list(block):
                if not isinstance(op, Matmul) or context.exhausted or nofuse_of(op) is not None:
                    continue
                weights = produced_by(op.b, UnpackWeights)
                if weights is not None:
                    _decide(op, weights, prices, context)
        return module


def _decide(op: Matmul, weights: UnpackWeights, prices: _Prices, context: PassContext) -> None:
    nodes = tuple(dict.fromkeys((*weights.location.nodes, *op.location.nodes)))
    location = weights.location.merged(op.location)
    packed, apart = prices.packed(op, weights, location), prices.unpacked(op, weights)
    if isinstance(packed, str) or packed > apart:
        why = packed if isinstance(packed, str) else f"{packed:.1f} microseconds packed, {apart:.1f} unpacked"
        reason = f"its weights are unpacked: {why}"
        context.ledger.add(RULE, Verdict.REFUSED, reason, ops=(weights.name, op.name), nodes=nodes)
        return
    assert op.parent is not None
    made = PackedMatmul(op.a, weights.w, accumulate=op.accumulate, loc=location, **_stated(weights))
    op.parent.insert_before(op, made)
    made.y.hint, made.y.tensor = op.y.hint, op.y.tensor
    op.replace_by(made.y)
    reason = f"{packed:.1f} microseconds with weights of {weights.bits} bits, {apart:.1f} unpacked first"
    context.note(RULE, reason, PackedMatmul.name, nodes)
    if not weights.y.uses:
        weights.erase()


def _stated(weights: UnpackWeights) -> dict[str, Any]:
    """The attributes of packed weights."""
    names = ("columns", "bits", "block", "scale_bits", "shifted")
    return {name: weights.attributes[name] for name in names if name in weights.attributes}


class _Prices:
    """Expected microseconds of kernels for a module and a target."""

    def __init__(self, module: Module, context: PassContext, target: ArchSpec) -> None:
        self._module, self._context, self._target = module, context, target
        self._sizes = module.values_at("optimum")

    def packed(self, op: Matmul, weights: UnpackWeights, location: Location) -> float | str:
        """Of OP with WEIGHTS packed, at LOCATION; why there is no kernel for it."""
        dtype, sums = self._formats(op)
        if op.transpose_a or not op.transpose_b:
            return "its operands are transposed"
        words = constant_array(weights.w, self._module)
        if words is not None and not weights.format.is_finite(words):
            return "some of them are infinite or NaN, which sums that are scaled afterwards would not be"
        block = Block([op.a.type.with_dtype(dtype), weights.w.type])
        stated = _stated(weights)
        own = block.append(PackedMatmul(*block.arguments, accumulate=sums, loc=location, **stated))
        if self._context.policy.format_of(own) != self._context.policy.format_of(op):
            return "an override is about matmul"
        able = families()
        found = [each for each in self._candidates(block, own, dtype) if able[each.family].unpacks]
        if not found:
            rows = "x".join(map(str, op.a.type.shape))
            return f"{self._target.name} has no kernel that multiplies {rows} of {dtype} by packed weights"
        return found[0].microseconds

    def unpacked(self, op: Matmul, weights: UnpackWeights) -> float:
        """Of unpacking WEIGHTS and of OP, one after the other."""
        dtype, sums = self._formats(op)
        block = Block([weights.w.type])
        made = block.append(UnpackWeights(*block.arguments, **{**weights.attributes, "to": dtype}))
        first = self._candidates(block, made, dtype)[0].microseconds
        layout = Layout((0, 1))
        types = [op.a.type.with_dtype(dtype), TensorType(weights.y.type.shape, dtype, layout)]
        block = Block(types)
        product = block.append(Matmul(*block.arguments, **{**op.attributes, "accumulate": sums}))
        return first + self._candidates(block, product, dtype)[0].microseconds

    def _formats(self, op: Matmul) -> tuple[DType, DType]:
        """The types in which OP's operands are stored, and its sums are kept."""
        format = self._context.policy.format_of(op)
        dtype = format.stored(op.a.type.dtype)
        return dtype, op.accumulate or format.computed(dtype)

    def _candidates(self, block: Block, op: Operation, dtype: DType) -> list[Candidate]:
        result = (
            op.result if op.result.type.dtype == dtype else block.append(Cast(op.result, to=dtype)).result
        )
        block.append(Yield(result))
        weights = frozenset({len(block.arguments) - 1})
        types = (result.type,)
        return candidates(
            Request(block, types, self._module.ranges, self._sizes, self._target, weights=weights)
        )
