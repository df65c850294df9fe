"""weights-ahead: a product of few rows brings weights of the next one to the cache, behind its own.

From the last weights of a launch to the first of the next memory would rest: sums are exchanged, results
stored, and blocks started. The weights are one more operand of the kernel, which no op of its region reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ....codegen.interface import ArchSpec, families
from ....dialects.control import all_blocks
from ....dialects.core.clone import clone_block
from ....dialects.core.ir import Block, Operation, Region, Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Matmul
from ....dialects.precision import PrecisionKernel
from ....errors import UnsupportedError
from ...kernels.choice import KernelChooser, cheapest
from ...passes.ledger import Verdict
from ...passes.manager import PassContext

AHEAD = "weights-ahead"
SUMMARY = (
    "a product of few rows, and another behind it => the first brings weights of the second to the cache"
)


@dataclass(frozen=True)
class WeightsAhead:
    """The pass, for TARGET."""

    target: ArchSpec
    name: ClassVar[str] = AHEAD

    def run(self, module: Module, context: PassContext) -> Module:
        if not any(each.brings_ahead and each.runs_on(self.target) for each in families().values()):
            return module
        chooser = KernelChooser(module, self.target, cheapest)
        for block in all_blocks(module):
            products = [kernel for kernel in _products(block) if _brings_ahead(kernel, chooser)]
            for first, second in pairwise(products):
                _bring(first, second, context)
        return module


def _products(block: Block) -> list[PrecisionKernel]:
    """The kernels of BLOCK with one matrix product by weights."""
    return [op for op in block if isinstance(op, PrecisionKernel) and weights_of(op) is not None]


def weights_of(kernel: PrecisionKernel) -> Value | None:
    """The weights of KERNEL's only matrix product, outside of it; None without such a product."""
    roots = [op for op in kernel.body.block if has(op, Trait.CONTRACTION)]
    if len(roots) != 1 or not isinstance(roots[0], Matmul) or roots[0].b not in kernel.body.block.arguments:
        return None
    outside = kernel.inputs[kernel.body.block.arguments.index(roots[0].b)]
    return outside if isinstance(outside.producer, Constant) else None


def _brings_ahead(kernel: PrecisionKernel, chooser: KernelChooser) -> bool:
    """Whether the best kernel for KERNEL is of a family that brings weights of the next one."""
    weights = [isinstance(value.producer, Constant) for value in kernel.inputs]
    reads, writes = ([value.type for value in values] for values in (kernel.inputs, kernel.results))
    try:
        found = chooser.forecast(kernel.body.block, reads, writes, weights)
    except UnsupportedError:
        return False
    return families()[found.family].brings_ahead


def _bring(first: PrecisionKernel, second: PrecisionKernel, context: PassContext) -> None:
    """Let FIRST bring the weights of SECOND, unless it is switched off; both are in one block."""
    weights = weights_of(second)
    assert weights is not None and first.parent is not None
    off = AHEAD in context.disabled
    taken = not off and weights not in first.inputs
    reason = "memory is busy until the next launch asks for them" if taken else "they are its own"
    context.ledger.add(
        AHEAD,
        Verdict.DISABLED if off else Verdict.TAKEN if taken else Verdict.REFUSED,
        f"the rule {AHEAD} is switched off" if off else reason,
        ops=(first.name, second.name),
        nodes=dict.fromkeys((*first.location.nodes, *second.location.nodes)),
        split=len(first.location.nodes),
    )
    if not taken:
        return
    context.decide()
    region = clone_block(first.body.block)
    region.add_argument(weights.type)
    attributes = {name: value for name, value in first.attributes.items() if value is not None}
    more = PrecisionKernel(
        *first.inputs,
        weights,
        types=[result.type for result in first.results],
        regions=[Region(region)],
        loc=first.location,
        **attributes,
    )
    first.parent.insert_before(first, more)
    _put_before(weights, more)
    first.replace_by(*more.results)


def _put_before(constant: Value, op: Operation) -> None:
    """Put the constant that gives CONSTANT in front of OP, if it stands behind it."""
    producer, later = constant.producer, op.next
    while later is not None and later is not producer:
        later = later.next
    if later is not None and op.parent is not None:
        op.parent.unlink(later)
        op.parent.insert_before(op, later)
