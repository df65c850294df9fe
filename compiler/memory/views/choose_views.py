"""Which tensors are parts of others, so that kernels need not run, or bulk copies can access them.

    y = concat(a, b)  =>  the producers of a and b write their parts of y's buffer
    y = slice(x)      =>  the consumers of y read part of x's buffer
    y                 =>  part of a tensor with longer rows, which bulk copies can access

A view is legal when the tensors are produced by kernels, are not outputs themselves, and every kernel
that accesses a strided tensor can still be run by the same family. It is made when the cost model, which
knows launches, bytes and access widths, expects it to save time.

Estimating a kernel takes time in proportion to its operands, so a kernel with many operands is estimated
once for a whole concat, or for all slices that it reads, and not once for each.
"""

from __future__ import annotations

from ....dialects.core.module import Function, Module
from ....dialects.precision import PrecisionKernel
from ...kernels.choice import KernelChooser
from ...passes.manager import PassContext
from .concats import elide_concats
from .context import ViewContext
from .joined_rows import align_joined
from .record import ViewRecord
from .row_pitches import pad_rows
from .slices import view_slices
from .view_plan import ViewPlan


def choose_views(
    module: Module, function: Function, chooser: KernelChooser, context: PassContext | None
) -> ViewPlan:
    """The view plan for FUNCTION; every candidate is recorded in the ledger of CONTEXT, if there is one."""
    kernels = [op for op in function.block if isinstance(op, PrecisionKernel)]
    views = ViewContext(module, function, chooser, ViewRecord(context))
    elide_concats(kernels, views)
    view_slices(kernels, views)
    align_joined(views)
    pad_rows(kernels, views)
    return views.plan
