"""The parameter list of a kernel: buffers it reads, buffers it writes, scratch, symbols."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import Dim, bounds, symbols
from ...dialects.core.ir import Value
from ...dialects.core.types import TensorType, symbols_in
from ..affine_c import dim_names
from ..literals import c_type
from ..render import Code
from .family import Request

INDEX_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Signature:
    """C names for everything a kernel is given."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    symbols: dict[str, str]
    index_type: str
    parameters: Code

    def buffers(self, request: Request) -> dict[Value, str]:
        return dict(zip(request.region.arguments, self.inputs, strict=True))


def used_symbols(request: Request) -> list[str]:
    """The symbols that occur in the kernel's types and in the attributes of its ops, sorted."""
    found: set[str] = set()
    for type in (*request.reads, *request.writes, *(v.type for op in request.ops for v in op.results)):
        for dim in (*type.shape, *type.strides, type.layout.offset):
            found |= symbols(dim)
    for op in request.ops:
        for value in op.attributes.values():
            found |= symbols_in(value)
    return sorted(found)


def index_type(request: Request) -> str:
    """`int`, unless an offset may exceed it at the symbols' largest sizes."""
    extents = [_extent(type) for type in (*request.reads, *request.writes)]
    highs = [bounds(extent, request.ranges)[1] for extent in extents]
    return "int" if all(high is not None and high < INDEX_LIMIT for high in highs) else "i64"


def _extent(type: TensorType) -> Dim:
    """One more than the largest offset."""
    extent: Dim = type.layout.offset + 1
    for size, stride in zip(type.shape, type.strides, strict=True):
        extent = extent + (size - 1) * stride
    return extent


def make_signature(request: Request, scratch: tuple[tuple[str, str], ...] = ()) -> Signature:
    """Names x0.. for inputs (w0.. would say more, but the op decides), y0.. for outputs, s0.. for symbols."""
    inputs = tuple(f"x{i}" for i in range(len(request.reads)))
    outputs = tuple(f"y{i}" for i in range(len(request.writes)))
    names = dim_names(used_symbols(request))
    kind = index_type(request)
    parts = [f"Input<{c_type(t.dtype)}> {name}" for t, name in zip(request.reads, inputs, strict=True)]
    parts += [f"Output<{c_type(t.dtype)}> {name}" for t, name in zip(request.writes, outputs, strict=True)]
    parts += [f"Output<{kind_}> {name}" for kind_, name in scratch]
    parts += [f"const {kind} {name}" for name in names.values()]
    return Signature(inputs, outputs, names, kind, Code(", ".join(parts)))
