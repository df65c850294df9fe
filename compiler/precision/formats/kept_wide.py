"""Values and contractions that stay f32 whatever the policy says, and their ledger records."""

from __future__ import annotations

from ....dialects.core.module import Function, Module
from ....dialects.fused import FusedKernel
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from ..narrowing.decisions import KEPT_WIDE, Wide, wide_of


def kept_on_record(module: Module, function: Function, context: PassContext) -> Wide:
    """The values and contractions of FUNCTION that stay f32."""
    found = wide_of(module, function, context)
    if found.values or found.products:
        context.decide()
    for value, reason in found.values.items():
        if isinstance(value.producer, FusedKernel):
            made = value.producer.body.block.terminator.inputs[value.index].producer
            op = value.producer if made is None else made
            context.ledger.add(KEPT_WIDE, Verdict.TAKEN, reason, ops=(op.name,), nodes=op.location.nodes)
    for product, reason in found.products.items():
        nodes = product.location.nodes
        context.ledger.add(KEPT_WIDE, Verdict.TAKEN, reason, ops=(product.name,), nodes=nodes)
    return found
