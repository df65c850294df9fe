"""Level 3: in which number formats. A `precision.kernel` is a fused kernel whose operand and
result types are storage types: element type and layout as they lie in memory. The casts between
storage and computation stand in the region, so the interpreter rounds where the kernel rounds.
"""

from __future__ import annotations

from .core.attributes import DTYPE, STRING
from .core.dialect import Dialect
from .core.op import attribute, define_op
from .fused import ROOTS, RegionKernel


@define_op()
class Kernel(RegionKernel):
    """A kernel with its number formats decided.

    `requested` is the policy's element type, `compute` the type of its arithmetic, `accumulate`
    the type sums are kept in; `why` gives the reason in words.
    """

    name = "precision.kernel"
    root = attribute(ROOTS)
    requested = attribute(DTYPE)
    compute = attribute(DTYPE)
    accumulate = attribute(DTYPE)
    why = attribute(STRING, "")


PRECISION = Dialect("precision", (Kernel,))
