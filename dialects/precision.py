"""Level 3: in which number formats. A `precision.kernel` is a fused kernel whose operand and
result types are storage types: element type and layout as they lie in memory. The casts between
storage and computation stand in the region, so the interpreter rounds where the kernel rounds.
"""

from __future__ import annotations

from .core.attributes import FORMAT, STRING
from .core.dialect import Dialect
from .core.op import attribute, define_op
from .fused import ROOTS, RegionKernel


@define_op()
class PrecisionKernel(RegionKernel):
    """A kernel with its number formats decided.

    `requested` is the format that the policy asks for, `compute` the one that was chosen for its
    arithmetic (what a contraction multiplies), `accumulate` the type sums are kept in; `why` gives the
    reason in words. `fallback` says what kept the kernel from what was requested, where something did.
    """

    name = "precision.kernel"
    root = attribute(ROOTS)
    requested = attribute(FORMAT)
    compute = attribute(FORMAT)
    accumulate = attribute(FORMAT)
    why = attribute(STRING, "")
    fallback = attribute(STRING, "")


PRECISION = Dialect("precision", (PrecisionKernel,))
