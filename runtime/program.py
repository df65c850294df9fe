"""A plan with its symbols bound: concrete sizes, grids and arguments, all of them checked.

The loader resolves a plan at the ends of its symbols' ranges, and the engine for the shapes that it is
given, with the same function. So every launch uses sizes, offsets and grids that were checked for its shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import PlanError
from .dtypes import ELEMENT_TYPES
from .expressions import LIMIT, Expression, clip, evaluate
from .launch_rules import Traversal, extent
from .manifest import BufferSpec, LaunchSpec, Manifest, TensorSpec
from .manifest_arguments import ArgumentSpec, TensorMapSpec
from .steps import CONDITION_BYTES, COUNTER_BYTES, Branch, Repeat, Step, StepSpec

MAX_GRID = (2**31 - 1, 65_535, 65_535)


@dataclass(frozen=True)
class BoundTensor:
    """An input or output with a concrete shape (elements)."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class BoundBuffer:
    """A byte range within the arena, the weights, or one input or output."""

    name: str
    space: str
    index: int
    offset: int
    bytes: int


@dataclass(frozen=True)
class BoundScalar:
    """An integer argument; `kind` is i32 or i64."""

    kind: str
    value: int


@dataclass(frozen=True)
class BoundTensorMap:
    """A tensor map whose extent is within its buffer; strides in bytes, for dims 1 and up."""

    buffer: BoundBuffer
    dtype: str
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    traversal: Traversal


BoundArgument = BoundBuffer | BoundScalar | BoundTensorMap
BoundBranch = Branch[BoundBuffer, int]
BoundRepeat = Repeat[BoundBuffer, int]
BoundStep = Step[BoundBuffer, int]


@dataclass(frozen=True)
class BoundLaunch:
    """One kernel launch with concrete values. An empty grid launches nothing."""

    kernel: str
    op: str
    nodes: tuple[str, ...]
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    cluster: tuple[int, int, int]
    cooperative: bool
    shared_bytes: int
    stream: int
    waits: tuple[int, ...]
    pdl: bool
    arguments: tuple[BoundArgument, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to launch."""
        return 0 in self.grid


@dataclass(frozen=True)
class Program:
    """What to run for one binding of the symbols."""

    symbols: tuple[tuple[str, int], ...]
    inputs: tuple[BoundTensor, ...]
    outputs: tuple[BoundTensor, ...]
    launches: tuple[BoundLaunch, ...]
    buffers: Mapping[str, BoundBuffer]
    steps: tuple[BoundStep, ...]

    @property
    def straight(self) -> bool:
        """Whether every launch runs once."""
        return all(isinstance(step, int) for step in self.steps)


def resolve(manifest: Manifest, symbols: Mapping[str, int]) -> Program:
    """Evaluate and check everything in MANIFEST for the given symbol values.

    Raises `PlanError` if a buffer exceeds its space, a grid or an integer argument its range, a tensor map
    its buffer, or if an expression cannot be evaluated.
    """
    inputs = tuple(bind_tensor(tensor, symbols) for tensor in manifest.inputs)
    outputs = tuple(bind_tensor(tensor, symbols) for tensor in manifest.outputs)
    buffers: dict[str, BoundBuffer] = {}
    for spec in manifest.buffers.values():
        buffers[spec.name] = _bind_buffer(spec, symbols, _capacity(manifest, spec, inputs, outputs))
    launches = tuple(
        _bind_launch(launch, f"launch {index}", symbols, buffers)
        for index, launch in enumerate(manifest.launches)
    )
    if any(launch.empty for launch in launches):
        _check_skipped(manifest, launches, buffers)
    steps = _bind_steps(manifest.steps, symbols, buffers)
    return Program(tuple(sorted(symbols.items())), inputs, outputs, launches, buffers, steps)


def _bind_steps(
    steps: Sequence[StepSpec], symbols: Mapping[str, int], buffers: Mapping[str, BoundBuffer]
) -> tuple[BoundStep, ...]:
    return tuple(step if isinstance(step, int) else _bind_control(step, symbols, buffers) for step in steps)


def _bind_control(
    step: Branch[str, Expression] | Repeat[str, Expression],
    symbols: Mapping[str, int],
    buffers: Mapping[str, BoundBuffer],
) -> BoundStep:
    if isinstance(step, Branch):
        then, otherwise = (_bind_steps(each, symbols, buffers) for each in (step.then, step.otherwise))
        return Branch(_scalar(buffers[step.condition], CONDITION_BYTES), then, otherwise)
    return Repeat(
        _scalar(buffers[step.counter], COUNTER_BYTES),
        None if step.trips is None else _scalar(buffers[step.trips], COUNTER_BYTES),
        None if step.condition is None else _scalar(buffers[step.condition], CONDITION_BYTES),
        None if step.bound is None else evaluate(step.bound, symbols),
        _bind_steps(step.body, symbols, buffers),
    )


def _scalar(buffer: BoundBuffer, size: int) -> BoundBuffer:
    """BUFFER, which a branch or loop reads or counts in. Raises `PlanError` if it is not SIZE aligned
    bytes."""
    if buffer.bytes != size or buffer.offset % size:
        raise PlanError(
            f"the plan's buffer {clip(buffer.name)}, {buffer.bytes} bytes at byte {buffer.offset}, is no "
            f"scalar of {size} bytes, as its control flow needs"
        )
    return buffer


def bind_tensor(tensor: TensorSpec, symbols: Mapping[str, int]) -> BoundTensor:
    """An input or output with its concrete shape (elements) and size (bytes). Raises `PlanError`."""
    shape = tuple(evaluate(dim, symbols) for dim in tensor.shape)
    if min(shape, default=0) < 0:
        raise PlanError(f"the plan's tensor {clip(tensor.name)} has a negative dimension: {list(shape)}")
    size = math.prod(shape) * ELEMENT_TYPES[tensor.dtype].bytes
    if size >= LIMIT:
        raise PlanError(f"the plan's tensor {clip(tensor.name)} is larger than 64 bits can count")
    return BoundTensor(tensor.name, tensor.dtype, shape, size)


def _capacity(
    manifest: Manifest, spec: BufferSpec, inputs: Sequence[BoundTensor], outputs: Sequence[BoundTensor]
) -> int:
    if spec.space == "arena":
        return manifest.arena_bytes
    if spec.space == "weights":
        return manifest.weights_bytes
    return (inputs if spec.space == "input" else outputs)[spec.index].bytes


def _bind_buffer(spec: BufferSpec, symbols: Mapping[str, int], capacity: int) -> BoundBuffer:
    offset, size = evaluate(spec.offset, symbols), evaluate(spec.bytes, symbols)
    if size == 0:  # occupies nothing: in an empty space any other offset would be out of bounds
        offset = 0
    if offset < 0 or size < 0 or offset + size > capacity:
        raise PlanError(
            f"the plan's buffer {clip(spec.name)} covers bytes {offset} to {offset + size}, but its space "
            f"({spec.space}) has {capacity} bytes at {_describe(symbols)}"
        )
    return BoundBuffer(spec.name, spec.space, spec.index, offset, size)


def _check_skipped(
    manifest: Manifest, launches: Sequence[BoundLaunch], buffers: Mapping[str, BoundBuffer]
) -> None:
    """Check that what a skipped launch would have written is empty or written by another launch."""
    pairs = list(zip(manifest.launches, launches, strict=True))
    written = {name for spec, launch in pairs if not launch.empty for name in spec.writes}
    for index, (spec, launch) in enumerate(pairs):
        for name in spec.writes:
            if launch.empty and buffers[name].bytes and name not in written:
                raise PlanError(
                    f"the plan's launch {index} ({clip(spec.kernel)}) has an empty grid, yet it writes "
                    f"the buffer {clip(name)}, which is not empty, and no other launch does"
                )


def _describe(symbols: Mapping[str, int]) -> str:
    return ", ".join(f"{clip(name)} = {value}" for name, value in symbols.items()) or "its fixed shape"


def _bind_launch(
    launch: LaunchSpec, where: str, symbols: Mapping[str, int], buffers: Mapping[str, BoundBuffer]
) -> BoundLaunch:
    where = f"{where} ({clip(launch.kernel)})"
    grid = _bind_grid(launch, where, symbols)
    return BoundLaunch(
        kernel=launch.kernel,
        op=launch.op,
        nodes=launch.nodes,
        grid=grid,
        block=launch.block,
        cluster=launch.cluster,
        cooperative=launch.cooperative,
        shared_bytes=launch.shared_bytes,
        stream=launch.stream,
        waits=launch.waits,
        pdl=launch.pdl,
        arguments=tuple(
            _bind_argument(argument, where, symbols, buffers, 0 in grid) for argument in launch.arguments
        ),
    )


def _bind_grid(launch: LaunchSpec, where: str, symbols: Mapping[str, int]) -> tuple[int, int, int]:
    x, y, z = (evaluate(size, symbols) for size in launch.grid)
    for axis, size, limit, cluster in zip("xyz", (x, y, z), MAX_GRID, launch.cluster, strict=True):
        if not 0 <= size <= limit:
            raise PlanError(f"the plan's {where} has {size} blocks along {axis}; 0 to {limit} are possible")
        if size % cluster:
            raise PlanError(
                f"the plan's {where} has {size} blocks along {axis}, no multiple of its cluster's {cluster}"
            )
    return x, y, z


def _bind_argument(
    argument: ArgumentSpec,
    where: str,
    symbols: Mapping[str, int],
    buffers: Mapping[str, BoundBuffer],
    empty: bool,
) -> BoundArgument:
    value, dtype = argument.value, argument.parameter.dtype
    if isinstance(value, TensorMapSpec):
        bound = _bind_tensor_map(value, dtype, symbols, buffers[value.buffer])
        if not empty:  # an empty launch encodes no tensor map
            _check_tensor_map(bound, where)
        return bound
    if argument.parameter.kind != "scalar":
        return buffers[str(value)]
    number = evaluate(value, symbols)
    if dtype == "i32" and not -(2**31) <= number < 2**31:
        raise PlanError(f"the plan's {where} passes {number} as an i32 at {_describe(symbols)}")
    return BoundScalar(dtype, number)


def _bind_tensor_map(
    spec: TensorMapSpec, dtype: str, symbols: Mapping[str, int], buffer: BoundBuffer
) -> BoundTensorMap:
    dims = tuple(evaluate(dim, symbols) for dim in spec.dims)
    strides = tuple(evaluate(stride, symbols) for stride in spec.strides)
    return BoundTensorMap(buffer, dtype, dims, strides, spec.traversal)


def _check_tensor_map(bound: BoundTensorMap, where: str) -> None:
    fault = bound.traversal.wrong_sizes(bound.dims, bound.strides)
    if fault is None and bound.buffer.offset % bound.traversal.alignment:
        fault = f"begins at byte {bound.buffer.offset}, no multiple of {bound.traversal.alignment}"
    if fault is not None:
        raise PlanError(f"the plan's {where} has a tensor map that {fault}")
    size = extent(bound.dims, bound.strides, ELEMENT_TYPES[bound.dtype].bytes)
    if size > bound.buffer.bytes:
        raise PlanError(
            f"the plan's {where} has a tensor map over {size} bytes, but its buffer "
            f"{clip(bound.buffer.name)} has {bound.buffer.bytes}"
        )
