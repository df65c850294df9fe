"""Estimates how long NVRTC takes to compile a kernel: a bound for fusion, and a test for heavy kernels.

Functions are inlined once per element that a thread computes, so the time depends on the amount of code and
the number of its copies. An op says how long one copy takes (`GraphOp.compile_ms`): the CPU time of NVRTC 13
for sm_90a, measured on chains of twelve ops minus chains of two. Beyond a few seconds, times grow faster than
the number of copies: 10 sines in the epilogue of a contraction took 4.5 s, 40 took more than ten minutes.
"""

from __future__ import annotations

from ...dialects.core.ir import Block, Operation
from ...dialects.graph.base import PLAIN_MS, GraphOp
from ...dialects.roots import Root, led_by

# The most milliseconds that a kernel formed by fusion may take to compile, by this estimate. Ordinary kernels
# stay below a tenth of it.
BUDGET_MS = 2000.0
# From this estimate on a kernel is compiled in a process that can be killed. Fusion forms none of these.
HEAVY_MS = 4000.0


def compile_ms(op: Operation, root: Root) -> float:
    """The milliseconds of compile time that OP adds to a kernel of ROOT; operands after the second count as
    ops."""
    once = op.compile_ms if isinstance(op, GraphOp) else PLAIN_MS
    return (once + PLAIN_MS * max(len(op.operands) - 2, 0)) * root.copies


def kernel_ms(region: Block) -> float:
    """The estimated milliseconds of compile time of a kernel with this REGION."""
    leading = filter(None, map(led_by, region))
    root = max(leading, key=lambda root: root.copies, default=Root.LOOP)
    return sum(compile_ms(op, root) for op in region)
