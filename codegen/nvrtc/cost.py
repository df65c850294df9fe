"""How long NVRTC should take over a kernel: what bounds fusion, and says which kernels to watch.

Functions are inlined, once for each element that a thread computes, so what counts is how many copies of
how much code there are. The figures are milliseconds of CPU time of NVRTC 13 for sm_90a, measured on twelve
ops in a row, less two. Beyond a few seconds times grow faster than the number of copies: 10 sines behind a
product took 4.5 s, 40 more than ten minutes.
"""

from __future__ import annotations

from ...dialects.core.ir import Block, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention

# What a region that fusion makes may take by this estimate; ordinary ones stay below a tenth of it.
BUDGET_MS = 2000.0
# From here on a kernel is compiled where it can be stopped. Fusion makes none such.
HEAVY_MS = 4000.0

PLAIN_MS = 0.5
_MS = {
    **dict.fromkeys(("sin", "cos", "tan"), 9.0),
    **dict.fromkeys(("pow", "mod"), 6.0),
    **dict.fromkeys(("mish", "softsign"), 4.0),
    **dict.fromkeys(("softplus", "asinh", "acosh", "atanh"), 2.5),
    **dict.fromkeys(("log", "erf", "gelu", "sigmoid", "swish"), 1.4),
    **dict.fromkeys(("sinh", "cosh", "tanh", "elu", "selu", "celu"), 1.2),
    **dict.fromkeys(("exp", "sqrt", "reciprocal", "div", "asin", "acos", "atan"), 1.0),
}
# Elements that a thread computes in unrolled code: lanes of loops and rows, accumulators of tiles.
_COPIES = {"loop": 4.0, "row": 4.0, "contraction": 48.0, "attention": 16.0}


def compile_ms(op: Operation, root: str) -> float:
    """What OP adds in a kernel of the kind ROOT: 'loop', 'row', 'contraction' or 'attention'."""
    return _MS.get(op.name.removeprefix("graph."), PLAIN_MS) * _COPIES[root]


def kernel_ms(region: Block) -> float:
    """What a kernel with this REGION takes."""
    root = _root(region)
    return sum(compile_ms(op, root) for op in region)


def _root(region: Block) -> str:
    if any(has(op, Trait.CONTRACTION) for op in region):
        return "contraction"
    return "attention" if any(isinstance(op, Attention) for op in region) else "loop"
