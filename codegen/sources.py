"""CUDA source for every kernel of a launch module."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..dialects.core.affine import Dim
from ..dialects.core.diagnostics import op_error
from ..dialects.core.ir import Module
from ..dialects.core.location import Location
from ..dialects.core.types import TensorType
from ..dialects.launch import Kernel
from .kernels.family import Geometry, Request, Target
from .kernels.registry import FAMILIES, realize
from .naming import kernel_name
from .provenance import with_provenance
from .render import render
from .requests import in_model_symbols, make_request, scratch_of


def request_of(module: Module, kernel: Kernel, target: Target) -> Request:
    """The request that a launch came from, named as the launch names its kernel."""
    return make_request(module, kernel.body.block, kernel.reads, kernel.writes, target, kernel.kernel)


def kernel_sources(module: Module, target: Target) -> dict[str, str]:
    """Kernel name → source, in the order of first launch; launches of one kernel share its source.

    Launches may have been written by hand: IRError for one whose configuration its family cannot
    have, whose geometry is not that of its configuration, or that uses another kernel's name.
    """
    return sources_of([op for op in module.main.block if isinstance(op, Kernel)], module, target)


def sources_of(launches: Iterable[Kernel], module: Module, target: Target) -> dict[str, str]:
    """`kernel_sources` for some LAUNCHES of MODULE."""
    sources: dict[str, str] = {}
    facts: dict[str, str] = {}
    made: dict[str, Geometry] = {}
    places: dict[str, list[Location]] = {}
    for op in launches:
        request = request_of(module, op, target)
        known = kernel_name(request, op.family, op.config)
        if facts.setdefault(op.kernel, known) != known:
            raise op_error(op, f"there is another kernel called @{op.kernel}")
        if op.kernel not in sources:
            sources[op.kernel], made[op.kernel] = _source(op, request)
        _check_geometry(op, made[op.kernel], module)
        places.setdefault(op.kernel, []).append(op.location)
    return {name: with_provenance(text, places[name]) for name, text in sources.items()}


def _source(op: Kernel, request: Request) -> tuple[str, Geometry]:
    if op.family not in FAMILIES:
        raise op_error(op, f"there is no kernel family '{op.family}'", f"these exist: {', '.join(FAMILIES)}")
    try:
        code = realize(request, op.family, op.config)
        text = render(code.template, code.spec)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise op_error(op, f"its family cannot run it with this configuration ({reason})") from error
    return text, code.geometry


def _check_geometry(op: Kernel, made: Geometry, module: Module) -> None:
    grid = tuple(in_model_symbols(module, dim) for dim in made.grid)
    if (grid, made.block, made.cluster, made.shared) != (op.grid, op.block, op.cluster, op.shared):
        wanted = f"grid {_listed(grid)}, block {_listed(made.block)}, cluster {_listed(made.cluster)}"
        raise op_error(op, f"its configuration wants {wanted}, shared {made.shared}")
    scratch = [value.type for value in op.inputs[len(op.inputs) - op.scratch :]]
    needs = [TensorType((in_model_symbols(module, n),), dtype) for n, dtype, _ in scratch_of(made)]
    if scratch != needs:
        wanted = ", ".join(map(str, needs)) or "none"
        raise op_error(op, f"its configuration wants other scratch buffers: {wanted}")


def _listed(dims: Sequence[Dim]) -> str:
    return f"[{', '.join(map(str, dims))}]"
