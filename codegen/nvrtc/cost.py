"""Estimates how long NVRTC takes to compile a kernel: a bound for fusion, and a test for heavy kernels.

Functions are inlined once per element that a thread computes, so the time depends on the amount of code and
the number of its copies. An op says how long one copy takes (`GraphOp.compile_ms`): the CPU time of NVRTC 13
for sm_90a, measured on chains of twelve ops minus chains of two. Beyond a few seconds, times grow faster than
the number of copies: 10 sines in the epilogue of a contraction took 4.5 s, 40 took more than ten minutes.
"""

from __future__ import annotations

from ...dialects.core.ir import Block, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention
from ...dialects.graph.base import PLAIN_MS, GraphOp

# The most milliseconds that a kernel formed by fusion may take to compile, by this estimate. Ordinary kernels
# stay below a tenth of it.
BUDGET_MS = 2000.0
# From this estimate on a kernel is compiled in a process that can be killed. Fusion forms none of these.
HEAVY_MS = 4000.0

# Copies of an op's code: the elements that a thread computes in unrolled code, by the kind of kernel.
_COPIES = {"loop": 4.0, "row": 4.0, "contraction": 48.0, "attention": 16.0, "custom": 1.0}


def compile_ms(op: Operation, root: str) -> float:
    """The milliseconds of compile time that OP adds to a kernel; operands after the second count as ops.

    ROOT is the kind of the kernel, one of `dialects.fused.ROOTS`; KeyError for others.
    """
    once = op.compile_ms if isinstance(op, GraphOp) else PLAIN_MS
    return (once + PLAIN_MS * max(len(op.operands) - 2, 0)) * _COPIES[root]


def kernel_ms(region: Block) -> float:
    """The estimated milliseconds of compile time of a kernel with this REGION."""
    root = _root(region)
    return sum(compile_ms(op, root) for op in region)


def _root(region: Block) -> str:
    if any(has(op, Trait.CONTRACTION) for op in region):
        return "contraction"
    return "attention" if any(isinstance(op, Attention) for op in region) else "loop"
