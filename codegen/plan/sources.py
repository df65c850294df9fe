"""CUDA source for every kernel of a launch module, and the check that its launches are made for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

from ...dialects.core.affine import Dim, bounds, product
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Module
from ...dialects.core.location import Location
from ...dialects.core.parts import AttributeAt
from ...dialects.launch import Kernel
from ..arch.spec import ArchSpec
from ..families.executed import executed
from ..families.registry import family_of, is_group
from ..request.make import code_in_model_symbols, make_request
from ..request.naming import kernel_name
from ..request.parameters import Parameter, maps_of, scratch_of
from ..request.request import Geometry, KernelCode, Request
from ..text.provenance import with_provenance
from ..text.render import render


@dataclass(frozen=True)
class MadeKernel:
    """A kernel's CUDA source, and its code with sizes in the symbols of the model."""

    source: str
    code: KernelCode


def request_of(module: Module, kernel: Kernel, target: ArchSpec) -> Request:
    """The request that a launch came from, named as the launch names its kernel."""
    return make_request(module, kernel.body.block, kernel.reads, kernel.writes, target, kernel.kernel)


def made_kernels(
    module: Module, target: ArchSpec, launches: Iterable[Kernel] | None = None
) -> dict[str, MadeKernel]:
    """Kernel name → what is made of it, for LAUNCHES of MODULE (all), in the order of first launch.

    Launches of one kernel share it. They may have been written by hand: IRError for one whose configuration
    its family cannot have, which is not launched or not given what its configuration wants, or that uses
    another kernel's name.
    """
    made: dict[str, MadeKernel] = {}
    facts: dict[str, str] = {}
    places: dict[str, list[Location]] = {}
    if launches is None:
        launches = [op for op in module.main.block if isinstance(op, Kernel)]
    for op in launches:
        request = request_of(module, op, target)
        known = kernel_name(request, op.family, op.config)
        if facts.setdefault(op.kernel, known) != known:
            raise op_error(op, f"there is another kernel called @{op.kernel}", at=AttributeAt("kernel"))
        if op.kernel not in made:
            made[op.kernel] = _made(op, request, module)
        code = made[op.kernel].code
        _check_geometry(op, code.geometry)
        _check_parameters(op, code.parameters)
        _check_formats(op)
        if op.cooperative:
            _check_fits(op, module, target)
        places.setdefault(op.kernel, []).append(op.location)
    return {
        name: replace(kernel, source=with_provenance(kernel.source, places[name]))
        for name, kernel in made.items()
    }


def _made(op: Kernel, request: Request, module: Module) -> MadeKernel:
    family = family_of(op, op.family)
    try:
        code = family.realize(request, op.config)
        text = render(code.template, code.spec)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise op_error(
            op, f"its family cannot run it with this configuration ({reason})", at=AttributeAt("config")
        ) from error
    return MadeKernel(text, code_in_model_symbols(module, code))


def _check_geometry(op: Kernel, made: Geometry) -> None:
    wanted = {
        "grid": made.grid,
        "block": made.block,
        "cluster": made.cluster,
        "shared": made.shared,
        "cooperative": made.cooperative,
    }
    odd = next((name for name, value in wanted.items() if op.attributes[name] != value), None)
    if odd is not None:
        text = f"grid {_listed(made.grid)}, block {_listed(made.block)}, cluster {_listed(made.cluster)}"
        kind = ", a cooperative launch" if made.cooperative else ""
        raise op_error(op, f"its configuration wants {text}, shared {made.shared}{kind}", at=AttributeAt(odd))


def _check_parameters(op: Kernel, wanted: Sequence[Parameter]) -> None:
    """That the operands behind reads and writes, and the tensor maps, are those of the WANTED parameters."""
    needs = [parameter.type for parameter in scratch_of(wanted)]
    if [value.type for value in op.inputs[len(op.inputs) - op.scratch :]] != needs:
        text = ", ".join(map(str, needs)) or "none"
        raise op_error(
            op, f"its configuration wants other scratch buffers: {text}", at=AttributeAt("scratch")
        )
    maps = maps_of(wanted)
    if list(op.maps) != maps:
        text = type(op).maps.kind.encode(maps) if maps else "none"
        raise op_error(op, f"its configuration wants other tensor maps: {text}", at=AttributeAt("maps"))


def _check_formats(op: Kernel) -> None:
    """That the launch says what its family executes, if it says so; the members of a group say it apart."""
    if is_group(op.family):
        return
    if op.member_formats:
        raise op_error(op, "has formats of members, and is no group", at=AttributeAt("member_formats"))
    done = executed(op.body.block, family_of(op, op.family).rounds_operands)
    if op.executed is not None and op.executed != done:
        raise op_error(op, f"executes {done}, not {op.executed}", at=AttributeAt("executed"))


def _check_fits(op: Kernel, module: Module, target: ArchSpec) -> None:
    """That a cooperative launch may have all its blocks on the GPU at once; the driver knows for sure."""
    blocks = bounds(product(op.grid), module.ranges)[1]
    resident = target.limits.threads_per_multiprocessor // prod(op.block)
    if op.shared:
        resident = min(resident, target.limits.blocks_by_shared(op.shared))
    room = resident * target.multiprocessors
    if blocks is None or blocks > room:
        count = "any number of" if blocks is None else f"up to {blocks}"
        message = f"launches {count} blocks that wait for each other; {target.name} holds {room}"
        hint = "a cooperative grid has no more blocks than the GPU holds at a time"
        raise op_error(op, message, hint, at=AttributeAt("grid"))


def _listed(dims: Sequence[Dim]) -> str:
    return f"[{', '.join(map(str, dims))}]"
