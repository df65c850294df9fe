"""Concat elision and views: which kernels that only move elements need not run.

    y = concat(a, b)  =>  the kernels that make a and b write their parts of y's buffer
    y = slice(x)      =>  the kernels that read y read part of x's buffer

It is legal when each tensor concerned is made by a kernel, is no output of its own, and every
kernel that then meets a strided tensor is still run by the same family; it is done when that
saves time by the cost model, which knows launches, bytes and the width of accesses.

Pricing a kernel takes time in proportion to its operands, so a kernel of many operands is priced
for a whole concat, or for all slices that it reads, and not once for each.
"""

from __future__ import annotations

from ....dialects.core.ir import Function, Module
from ....dialects.precision import PrecisionKernel
from ...kernels.choice import KernelChooser
from ...passes.manager import PassContext
from .concats import plan_concats
from .plan import ViewPlan
from .record import ViewRecord
from .slices import plan_slices
from .surroundings import Surroundings


def plan_views(
    module: Module, function: Function, chooser: KernelChooser, context: PassContext | None
) -> ViewPlan:
    """The plan for FUNCTION; what was considered goes to the ledger of CONTEXT."""
    kernels = [op for op in function.block if isinstance(op, PrecisionKernel)]
    around = Surroundings(module, function, chooser, ViewRecord(context))
    plan_concats(kernels, around)
    plan_slices(kernels, around)
    return around.plan
