"""Level 3, precision: which number formats are used. A `precision.kernel` is a fused kernel whose operand
and result types are storage types: element type and layout in memory. The casts between storage and
computation are ops of its region, so that the interpreter rounds where the kernel rounds.
"""

from __future__ import annotations

from .core.attributes import FORMAT, STRING
from .core.dialect import Dialect
from .core.op import attribute, define_op
from .fused import RegionKernel
from .roots import RootKind


@define_op()
class PrecisionKernel(RegionKernel):
    """A kernel with decided number formats.

    `requested` is the format that the policy asks for, `compute` the one chosen for the arithmetic (of a
    contraction: the type that is multiplied), `accumulate` the type of the accumulators; `why` is the reason
    in words. `fallback` says what prevented the requested format, if something did.
    """

    name = "precision.kernel"
    root = attribute(RootKind())
    requested = attribute(FORMAT)
    compute = attribute(FORMAT)
    accumulate = attribute(FORMAT)
    why = attribute(STRING, "")
    fallback = attribute(STRING, "")


PRECISION = Dialect("precision", (PrecisionKernel,))
