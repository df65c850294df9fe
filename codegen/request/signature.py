"""Builds the parameter list of a kernel from its request; `parameters.py` defines the calling convention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ...dialects.core.affine import Dim
from ...dialects.core.affine_traversal import symbols
from ...dialects.core.bounds import bounds
from ...dialects.core.ir import Value
from ...dialects.core.types import TensorType, symbols_in
from ..text.affine_c import dim_names
from ..text.render import Code
from .parameters import (
    BufferParameter,
    Parameter,
    ScalarParameter,
    ScratchParameter,
    TensorMapParameter,
    declarations,
)
from .request import ROW, Request

INDEX_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Signature:
    """The ordered parameters of a kernel, and the C type of its indices (`int` or `i64`)."""

    typed: tuple[Parameter, ...]
    index_type: str

    @property
    def parameters(self) -> Code:
        """The C declaration of all parameters."""
        return declarations(self.typed)

    @property
    def inputs(self) -> tuple[str, ...]:
        """C names of the buffers that the kernel reads."""
        return tuple(p.name for p in self.typed if isinstance(p, BufferParameter) and not p.written)

    @property
    def outputs(self) -> tuple[str, ...]:
        """C names of the buffers that the kernel writes."""
        return tuple(p.name for p in self.typed if isinstance(p, BufferParameter) and p.written)

    @cached_property
    def symbols(self) -> dict[str, str]:
        """C names of the symbols that the kernel is passed."""
        return {p.symbol: p.name for p in self.typed if isinstance(p, ScalarParameter)}

    def buffers(self, request: Request) -> dict[Value, str]:
        """C names of the arguments of REQUEST's region."""
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
    """The C type of the kernel's indices: `int`, or `i64` where an offset may overflow an int."""
    extents = [_extent(type) for type in (*request.reads, *request.writes)]
    highs = [bounds(extent, request.ranges)[1] for extent in extents]
    return "int" if all(high is not None and high < INDEX_LIMIT for high in highs) else "i64"


def _extent(type: TensorType) -> Dim:
    """The extent of a buffer of TYPE in elements: one more than its largest offset."""
    extent: Dim = type.layout.offset + 1
    for size, stride in zip(type.shape, type.strides, strict=True):
        extent = extent + (size - 1) * stride
    return extent


def make_signature(
    request: Request,
    scratch: Sequence[ScratchParameter] = (),
    maps: Sequence[TensorMapParameter] = (),
) -> Signature:
    """The signature of REQUEST's kernel: inputs x0.., outputs y0.., SCRATCH, MAPS and symbols s0.."""
    kind = index_type(request)
    reads = [BufferParameter(f"x{i}", type.dtype) for i, type in enumerate(request.reads)]
    writes = [BufferParameter(f"y{i}", type.dtype, written=True) for i, type in enumerate(request.writes)]
    names = dim_names([symbol for symbol in used_symbols(request) if symbol != ROW])
    scalars = [ScalarParameter(name, symbol, kind == "i64") for symbol, name in names.items()]
    return Signature((*reads, *writes, *scratch, *maps, *scalars), kind)
