"""Makes requests for kernels, with the model's symbols renamed to S0, S1, ...

At every level of the IR a symbol keeps the name that the model gave it. Emitted code must not depend on
that name, not even in the order of terms of an index expression. So a request uses S0, S1, ... in the order
in which the module declares its symbols, and `in_model_symbols` maps them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...dialects.core.affine import Dim, symbol
from ...dialects.core.affine_traversal import substitute
from ...dialects.core.bounds import bounds
from ...dialects.core.clone import clone_block
from ...dialects.core.ir import Block, Value
from ...dialects.core.module import Function, Module
from ...dialects.core.sizes.substitution import in_operation, in_type
from ...dialects.core.types import Layout, TensorType
from ...dialects.graph.embedding import EmbeddingBag
from ...dialects.graph.interaction import Interaction
from ...dialects.graph.sequences import WriteCache
from ...dialects.launch import Kernel
from ...dialects.launch_memory import Buffer, View
from ..arch.spec import ArchSpec
from .parameters import under
from .request import ROW, KernelCode, Request

# Ops whose kernels read what callers give before earlier kernels have ended.
EARLY = (EmbeddingBag, Interaction, WriteCache)
MOST_ROWS = 2**40  # of a stack with any number of rows


def make_request(
    module: Module,
    region: Block,
    reads: Sequence[Value],
    writes: Sequence[Value],
    target: ArchSpec,
    name: str,
    stacked: bool = False,
) -> Request:
    """The request for a kernel NAME that computes REGION from the buffers READS into the buffers WRITES.

    Its symbols are S0, S1, ... instead of those of MODULE, so that equal kernels of different models get
    equal code. TARGET is the architecture that the kernel is made for. A STACKED kernel writes one row of its
    outputs: what the request says of them is the row, which lies at an offset by the symbol ROW.
    """
    names = _canonical(module)
    own: dict[str, Dim] = {old: symbol(new) for old, new in names.items()}
    outputs = tuple(in_type(value.type, own) for value in writes)
    ranges = {names[old]: span for old, span in module.ranges.items()}
    optimum = {names[old]: size for old, size in module.values_at("optimum").items()}
    early = any(isinstance(op, EARLY) for op in region)
    if stacked:
        rows = (bounds(type.shape[0], ranges)[1] for type in outputs)
        ranges[ROW] = (0, max(MOST_ROWS if count is None else count - 1 for count in rows))
        optimum[ROW] = 0
    return Request(
        _block(region, own) if own else region,
        tuple(map(_row, outputs)) if stacked else outputs,
        ranges,
        optimum,
        target,
        name,
        frozenset(index for index, value in enumerate(reads) if _is_weight(_buffer(value))),
        frozenset(index for index, value in enumerate(reads) if early and _is_given(_buffer(value))),
    )


def in_model_symbols(module: Module, dim: Dim) -> Dim:
    """DIM of a request made for MODULE, with S0, S1, ... replaced by the symbols of MODULE."""
    return substitute(dim, {new: symbol(old) for old, new in _canonical(module).items()})


def code_in_model_symbols(module: Module, code: KernelCode) -> KernelCode:
    """CODE with the launch grid and parameters in the symbols of MODULE, whose request it was made for."""
    x, y, z = (in_model_symbols(module, dim) for dim in code.geometry.grid)
    values: dict[str, Dim] = {new: symbol(old) for old, new in _canonical(module).items()}
    geometry = replace(code.geometry, grid=(x, y, z))
    return replace(code, geometry=geometry, parameters=under(code.parameters, values))


def _row(stack: TensorType) -> TensorType:
    """Row number ROW of a STACK in row-major order."""
    row = stack.with_shape(stack.shape[1:])
    return row.with_layout(Layout((), row.strides, symbol(ROW) * row.elements))


def _buffer(value: Value) -> Value:
    """The buffer that VALUE is a view of."""
    while isinstance(value.producer, View):
        value = value.producer.x
    return value


def _is_weight(value: Value) -> bool:
    return isinstance(value.producer, Buffer) and value.producer.space == "weights"


def _is_given(value: Value) -> bool:
    """Whether the buffer VALUE is an argument of a function (and of no loop) that no kernel updates."""
    region = value.owner.parent if isinstance(value.owner, Block) else None
    return region is not None and isinstance(region.parent, Function) and not _is_updated(value)


def _is_updated(value: Value) -> bool:
    """Whether a kernel writes VALUE or a view of it. Whatever reads an input stands behind its update."""
    return any(
        value in op.writes if isinstance(op, Kernel) else isinstance(op, View) and _is_updated(op.result)
        for op in value.users
    )


def _canonical(module: Module) -> dict[str, str]:
    return {name: f"S{index}" for index, name in enumerate(module.symbols)}


def _block(block: Block, names: Mapping[str, Dim]) -> Block:
    """A copy of BLOCK with the symbols in its types and attributes replaced by NAMES."""
    copy = clone_block(block)
    for argument in copy.arguments:
        argument.type = in_type(argument.type, names)
    for op in copy:
        in_operation(op, names)
    return copy
