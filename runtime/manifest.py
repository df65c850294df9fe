"""The plan's manifest as typed, immutable records.

`parse_manifest` checks the form of every field and every reference between records. Sizes that
depend on symbols are checked by `program.resolve`, which evaluates them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from ..errors import PlanError
from .dtypes import ELEMENT_TYPES
from .expressions import LIMIT, Expression, clip
from .manifest_fields import Fields, is_identifier
from .sizes import SizeSpec, parse_sizes

SPACES = ("arena", "input", "output", "weights")
PARAMETERS = ("buffer", "i32", "i64", "tensor_map")
Swizzle = Literal["none", "32B", "64B", "128B"]
SWIZZLES: dict[Swizzle, int] = {"none": 0, "32B": 32, "64B": 64, "128B": 128}
MAX_STREAMS = 64
MAX_SHARED_BYTES = 232_448  # 227 KiB, compute capability 9.0 (CUDA C++ guide, table 27)
MAX_RANK = 64

_TARGET = re.compile(r"sm_([1-9][0-9]{1,2})([af]?)")


@dataclass(frozen=True)
class SymbolRange:
    """The values a symbolic dimension may take, and the one it was tuned for."""

    minimum: int
    optimum: int
    maximum: int


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of the model: dense, row-major, shape in elements."""

    name: str
    dtype: str
    shape: tuple[Expression, ...]


@dataclass(frozen=True)
class BufferSpec:
    """A range of bytes in one space; `index` says which input or output where that is the space."""

    name: str
    space: str
    index: int
    offset: Expression
    bytes: Expression


@dataclass(frozen=True)
class KernelSpec:
    """A compiled function and the kinds of its parameters."""

    name: str
    entry: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class TensorMapSpec:
    """A tiled tensor map: dims innermost first in elements, strides in bytes for dims 1 and up."""

    buffer: str
    dtype: str
    dims: tuple[Expression, ...]
    strides: tuple[Expression, ...]
    box: tuple[int, ...]
    swizzle: Swizzle


@dataclass(frozen=True)
class ArgumentSpec:
    """One kernel argument; `value` is a buffer's name, an expression, or a tensor map."""

    kind: str
    value: Expression | TensorMapSpec


@dataclass(frozen=True)
class LaunchSpec:
    """One kernel launch."""

    kernel: str
    op: str
    nodes: tuple[str, ...]
    grid: tuple[Expression, ...]
    block: tuple[int, int, int]
    cluster: tuple[int, int, int]
    shared_bytes: int
    stream: int
    waits: tuple[int, ...]
    pdl: bool
    arguments: tuple[ArgumentSpec, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """Everything the runtime needs to know besides the cubins and the weights.

    The first `zeroed_bytes` of the arena are zero before the first launch of a run, and again after
    its last: kernels that count set their counters back.
    """

    name: str
    generator: str
    targets: tuple[str, ...]
    min_driver: int
    symbols: Mapping[str, SymbolRange]
    sizes: SizeSpec
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    arena_bytes: int
    zeroed_bytes: int
    weights_bytes: int
    buffers: Mapping[str, BufferSpec]
    kernels: Mapping[str, KernelSpec]
    launches: tuple[LaunchSpec, ...]


def parse_manifest(value: object) -> Manifest:
    """The typed form of the manifest's JSON; `PlanError` naming the field that is wrong."""
    fields = Fields(value, "manifest")
    if fields.integer("format", 0, LIMIT) != 1:
        raise fails("manifest", f"has format {clip(fields.get('format'))}; this version reads format 1")
    arena_bytes = fields.integer("arena_bytes", 0, LIMIT - 1)
    inputs = tuple(_tensor(entry) for entry in fields.objects("inputs"))
    outputs = tuple(_tensor(entry) for entry in fields.objects("outputs"))
    _check_unique("input", (tensor.name for tensor in inputs))
    _check_unique("output", (tensor.name for tensor in outputs))
    buffers = tuple(_buffer(entry, len(inputs), len(outputs)) for entry in fields.objects("buffers"))
    _check_unique("buffer", (buffer.name for buffer in buffers))
    kernels = {name: _kernel(name, entry) for name, entry in fields.named("kernels")}
    launches = tuple(_launch(entry) for entry in fields.objects("launches"))
    return Manifest(
        name=fields.text("name"),
        generator=fields.text("generator"),
        targets=_targets(fields),
        min_driver=fields.integer("min_driver", 0, 1_000_000),
        symbols=MappingProxyType({name: _range(name, entry) for name, entry in fields.named("symbols")}),
        sizes=parse_sizes(fields),
        inputs=inputs,
        outputs=outputs,
        arena_bytes=arena_bytes,
        zeroed_bytes=fields.integer("zeroed_bytes", 0, arena_bytes, 0),
        weights_bytes=fields.integer("weights_bytes", 0, LIMIT - 1),
        buffers=MappingProxyType({buffer.name: buffer for buffer in buffers}),
        kernels=MappingProxyType(kernels),
        launches=launches,
    )


def parse_target(target: str) -> tuple[int, int, str]:
    """Major, minor and feature suffix ("", "a" or "f") of a target such as ``sm_90a``."""
    match = _TARGET.fullmatch(target)
    if match is None:
        raise PlanError(f"not a target: {clip(target)}", hint="targets look like sm_90 or sm_90a")
    return int(match[1]) // 10, int(match[1]) % 10, match[2]


def fails(where: str, what: str) -> PlanError:
    """A `PlanError` about one place in the plan."""
    return PlanError(f"the plan's {where} {what}")


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise PlanError(f"the plan names two {what}s {clip(name)}")
        seen.add(name)


def _targets(fields: Fields) -> tuple[str, ...]:
    targets = fields.texts("targets")
    _check_unique("target", targets)
    for target in targets:
        parse_target(target)
    return targets


def _range(name: str, value: object) -> SymbolRange:
    bounds = Fields({name: value}, "symbols").integers(name, -(2**40), 2**40)
    if len(bounds) != 3 or not bounds[0] <= bounds[1] <= bounds[2]:
        raise fails(f"symbol {clip(name)}", "needs a range [min, opt, max] in ascending order")
    return SymbolRange(*bounds)


def _dtype(fields: Fields) -> str:
    dtype = fields.text("dtype")
    if dtype not in ELEMENT_TYPES:
        raise fields.fail("dtype", f"one of {', '.join(ELEMENT_TYPES)}")
    return dtype


def _tensor(fields: Fields) -> TensorSpec:
    shape = fields.expressions("shape")
    if len(shape) > MAX_RANK:
        raise fields.fail("shape", f"at most {MAX_RANK} dimensions")
    return TensorSpec(fields.text("name"), _dtype(fields), shape)


def _buffer(fields: Fields, inputs: int, outputs: int) -> BufferSpec:
    space = fields.text("space")
    if space not in SPACES:
        raise fields.fail("space", f"one of {', '.join(SPACES)}")
    index = 0
    if space in ("input", "output"):
        index = fields.integer("index", 0, (inputs if space == "input" else outputs) - 1)
    offset = fields.expression("offset", 0 if space in ("input", "output") else None)
    return BufferSpec(fields.text("name"), space, index, offset, fields.expression("bytes"))


def _kernel(name: str, value: object) -> KernelSpec:
    fields = Fields(value, f"kernel {clip(name)}")
    if not is_identifier(name):
        raise fails(f"kernel {clip(name)}", "has a name that is not an identifier")
    parameters = fields.texts("parameters")
    if not all(parameter in PARAMETERS for parameter in parameters):
        raise fields.fail("parameters", f"a list of {', '.join(PARAMETERS)}")
    return KernelSpec(name, fields.identifier("entry"), parameters)


def _launch(fields: Fields) -> LaunchSpec:
    grid = fields.expressions("grid")
    if len(grid) != 3:
        raise fields.fail("grid", "three integer expressions")
    return LaunchSpec(
        kernel=fields.text("kernel"),
        op=fields.text("op"),
        nodes=fields.texts("nodes"),
        grid=grid,
        block=fields.triple("block", 1, 1024),
        cluster=fields.triple("cluster", 1, 16, [1, 1, 1]),
        shared_bytes=fields.integer("shared_bytes", 0, MAX_SHARED_BYTES, 0),
        stream=fields.integer("stream", 0, MAX_STREAMS - 1, 0),
        waits=fields.integers("waits", 0, LIMIT, []),
        pdl=fields.boolean("pdl", False),
        arguments=tuple(_argument(entry) for entry in fields.objects("arguments")),
        reads=fields.texts("reads"),
        writes=fields.texts("writes"),
    )


def _argument(fields: Fields) -> ArgumentSpec:
    if len(fields.values) != 1:
        raise fails(fields.where, f"needs exactly one of {', '.join(PARAMETERS)}")
    (kind,) = fields.values
    if kind == "buffer":
        return ArgumentSpec(kind, fields.text(kind))
    if kind in ("i32", "i64"):
        return ArgumentSpec(kind, fields.expression(kind))
    if kind == "tensor_map":
        return ArgumentSpec(kind, _tensor_map(Fields(fields.get(kind), f"{fields.where} tensor map")))
    raise fails(fields.where, f"is of the unknown kind {clip(kind)}")


def _tensor_map(fields: Fields) -> TensorMapSpec:
    dims = fields.expressions("dims")
    strides = fields.expressions("strides")
    box = fields.integers("box", 1, 256)
    if not 1 <= len(dims) <= 5 or len(strides) != len(dims) - 1 or len(box) != len(dims):
        raise fails(fields.where, "needs 1 to 5 dims, a stride for each but the first, and a box for each")
    return TensorMapSpec(fields.text("buffer"), _dtype(fields), dims, strides, box, _swizzle(fields))


def _swizzle(fields: Fields) -> Swizzle:
    for name in SWIZZLES:
        if name == fields.text("swizzle"):
            return name
    raise fields.fail("swizzle", f"one of {', '.join(SWIZZLES)}")
