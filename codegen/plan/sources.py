"""Makes the CUDA source of every kernel of a launch module, and checks that launches fit their kernels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

from ...dialects.core.affine import Dim, product
from ...dialects.core.bounds import bounds
from ...dialects.core.diagnostics import op_error
from ...dialects.core.location import Location
from ...dialects.core.module import Module
from ...dialects.core.parts import AttributeAt
from ...dialects.launch import Kernel, kernels_in
from ...errors import KernelError
from ..arch.spec import ArchSpec
from ..families.failure import attributed
from ..families.kernel_family import ILLEGAL
from ..families.registry import family_of, realize
from ..request.make import code_in_model_symbols, make_request
from ..request.naming import kernel_name
from ..request.parameters import Parameter, maps_of, scratch_of
from ..request.request import Geometry, KernelCode, Request
from ..text.provenance import with_provenance
from ..text.render import render
from .formats import check_formats


@dataclass(frozen=True)
class MadeKernel:
    """The result of code generation for a kernel.

    source: its CUDA source; entry: the function in it; code: its code in the model's symbols; places: where
    its launches come from.
    """

    source: str
    entry: str
    code: KernelCode
    places: tuple[Location, ...] = ()

    def launched_from(self, places: Sequence[Location]) -> MadeKernel:
        """This kernel, whose source does not name ONNX nodes yet, with launches that come from PLACES."""
        return replace(self, source=with_provenance(self.source, places), places=tuple(places))


def request_of(module: Module, kernel: Kernel, target: ArchSpec) -> Request:
    """The request for the kernel that the launch KERNEL of MODULE runs, for TARGET."""
    body, name = kernel.body.block, kernel.kernel
    return make_request(module, body, kernel.reads, kernel.writes, target, name, kernel.stacked)


def made_kernels(
    module: Module, target: ArchSpec, launches: Iterable[Kernel] | None = None
) -> dict[str, MadeKernel]:
    """The source and code of every kernel by name, in the order of first launch.

    They are made for LAUNCHES of MODULE (all by default) on TARGET; launches of one kernel share it. Launches
    may be written by hand. So IRError is raised for a launch with a configuration that is not legal for its
    family, with another geometry or other operands than its configuration needs, or with the name of a
    different kernel.
    """
    made: dict[str, MadeKernel] = {}
    facts: dict[str, str] = {}
    places: dict[str, list[Location]] = {}
    if launches is None:
        launches = kernels_in(module.main.block)
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
        check_formats(op)
        if op.cooperative:
            _check_fits(op, module, target)
        places.setdefault(op.kernel, []).append(op.location)
    return {name: kernel.launched_from(places[name]) for name, kernel in made.items()}


def _made(op: Kernel, request: Request, module: Module) -> MadeKernel:
    family_of(op, op.family)
    try:
        code = realize(request, op.family, op.config)
    except KernelError as error:
        cause = error.__cause__
        if not isinstance(cause, ILLEGAL):
            raise
        reason = f"{type(cause).__name__}: {cause}"
        raise op_error(
            op, f"its family cannot run it with this configuration ({reason})", at=AttributeAt("config")
        ) from cause
    with attributed(op.family, request, "rendering"):
        text = render(code.template, code.spec)
    return MadeKernel(text, op.kernel, code_in_model_symbols(module, code))


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
        raise op_error(op, f"its configuration needs {text}, shared {made.shared}{kind}", at=AttributeAt(odd))


def _check_parameters(op: Kernel, wanted: Sequence[Parameter]) -> None:
    """Raise IRError unless OP's scratch buffers and tensor maps are those that the WANTED parameters need."""
    needs = [parameter.type for parameter in scratch_of(wanted)]
    if [value.type for value in op.inputs[len(op.inputs) - op.scratch :]] != needs:
        text = ", ".join(map(str, needs)) or "none"
        raise op_error(
            op, f"its configuration needs other scratch buffers: {text}", at=AttributeAt("scratch")
        )
    maps = maps_of(wanted)
    if list(op.maps) != maps:
        text = type(op).maps.kind.encode(maps) if maps else "none"
        raise op_error(op, f"its configuration needs other tensor maps: {text}", at=AttributeAt("maps"))


def _check_fits(op: Kernel, module: Module, target: ArchSpec) -> None:
    """Raise IRError when the blocks of a cooperative launch cannot all be resident at once.

    An estimate without registers, so the driver may still refuse the launch.
    """
    blocks = bounds(product(op.grid), module.ranges)[1]
    room = target.limits.resident(prod(op.block), op.shared) * target.multiprocessors
    if blocks is None or blocks > room:
        count = "any number of" if blocks is None else f"up to {blocks}"
        message = f"launches {count} blocks that wait for each other; {target.name} holds {room}"
        hint = "a cooperative grid has no more blocks than the GPU holds at a time"
        raise op_error(op, message, hint, at=AttributeAt("grid"))


def _listed(dims: Sequence[Dim]) -> str:
    return f"[{', '.join(map(str, dims))}]"
