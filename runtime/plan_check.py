"""Consistency checks over the records of a plan, before anything is launched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .expressions import DividesByZero, Expression, clip, symbols_of
from .launch_rules import MAX_CLUSTER
from .manifest import LaunchSpec, Manifest
from .manifest_arguments import ArgumentSpec, TensorMapSpec
from .manifest_fields import fails
from .program import Program, resolve
from .steps import Repeat, controls_in, segments_in

MAX_THREADS = 1024
MAX_BLOCK_Z = 64
ENDS = ("minimum", "optimum", "maximum")


def check_manifest(manifest: Manifest) -> None:
    """Check references and limits, then resolve the plan at the min, opt and max of its symbols.

    Raises `PlanError` with the place and the reason.
    """
    _check_symbols(manifest)
    _check_control(manifest)
    for index in range(len(manifest.launches)):
        _check_launch(manifest, index)
    _check_waits(manifest)
    allowed = corners(manifest)
    if manifest.symbols and not allowed:
        _check_defined(manifest)
    _check_outputs(manifest, [resolve(manifest, corner) for corner in allowed])


def _check_defined(manifest: Manifest) -> None:
    """Raise `PlanError` if the constraints allow none of the symbol values that were tried."""
    values = {name: span.optimum for name, span in manifest.symbols.items()}
    for each in manifest.sizes.constraints:
        each.holds(values)


def corners(manifest: Manifest) -> list[Mapping[str, int]]:
    """The symbol values at the minimum, optimum and maximum of the ranges, as far as the constraints allow
    them."""
    free = {name: span for name, span in manifest.symbols.items() if name not in manifest.sizes.derived}
    found = ({name: getattr(span, end) for name, span in free.items()} for end in ENDS)
    return [values for values in (_allowed(manifest, each) for each in found) if values is not None]


def _allowed(manifest: Manifest, free: Mapping[str, int]) -> Mapping[str, int] | None:
    """All symbols, given the FREE ones; None if constraints exclude these values or an expression divides by
    0."""
    try:
        values = manifest.sizes.complete(free)
        return values if manifest.sizes.broken(values) is None else None
    except DividesByZero:
        if not free:
            raise
        return None


def _check_symbols(manifest: Manifest) -> None:
    for name, content in manifest.sizes.contents.items():
        _check_content(manifest, name, content)
    known = {each.symbol for each in manifest.bindings}
    for name, expression in manifest.sizes.derived.items():
        if name not in manifest.symbols or not symbols_of(expression) <= known:
            raise fails(f"derived symbol {clip(name)}", "is not computed from symbols that stand before it")
        known.add(name)
    for name in manifest.symbols:
        if name not in known:
            raise fails(f"symbol {clip(name)}", "is not determined by any input")


def _check_content(manifest: Manifest, name: str, content: Sequence[Expression]) -> None:
    """Raise `PlanError` for the content of an input that does not exist, or of another number of elements."""
    tensor = next((each for each in manifest.inputs if each.name == name), None)
    if tensor is None:
        raise fails(f"content of {clip(name)}", "is of no input")
    if tensor.dtype[0] in "iu" and len(tensor.shape) == 1 and not isinstance(tensor.shape[0], int):
        return  # a list with as many numbers at most
    sizes = [size for size in tensor.shape if isinstance(size, int)]
    parts = 1 if tensor.dtype[0] in "iu" else 2
    if len(sizes) != len(tensor.shape) or math.prod(sizes) * parts != len(content):
        raise fails(f"content of {clip(name)}", f"does not fit its {tensor.dtype}{list(tensor.shape)}")


def _check_launch(manifest: Manifest, index: int) -> None:
    launch = manifest.launches[index]
    where = f"launch {index} ({clip(launch.kernel)})"
    if math.prod(launch.block) > MAX_THREADS or launch.block[2] > MAX_BLOCK_Z:
        raise fails(where, f"has a block of {list(launch.block)}; at most {MAX_THREADS} threads are possible")
    if math.prod(launch.cluster) > MAX_CLUSTER:
        raise fails(
            where, f"has a cluster of {list(launch.cluster)}; at most {MAX_CLUSTER} blocks are possible"
        )
    _check_buffers(manifest, launch, where)


def _check_waits(manifest: Manifest) -> None:
    """Check that launches wait for earlier ones, with no branch or loop beginning or ending between them."""
    for segment in segments_in(manifest.steps):
        for index in segment:
            _check_waits_of(manifest.launches[index], index, segment[0])


def _check_waits_of(launch: LaunchSpec, index: int, begin: int) -> None:
    """Check the waits of LAUNCH, number INDEX of a segment that BEGINs there."""
    where = f"launch {index} ({clip(launch.kernel)})"
    if len(set(launch.waits)) < len(launch.waits):
        raise fails(where, f"waits twice for one launch: {list(launch.waits)}")
    for wait in launch.waits:
        if wait >= index:
            raise fails(where, f"waits for launch {wait}, which does not come before it")
        if wait < begin:
            raise fails(where, f"waits for launch {wait}, from which control flow separates it")


def _check_control(manifest: Manifest) -> None:
    """Check the buffers of branches and loops: only loops write their counters."""
    counters: set[str] = set()
    for step in controls_in(manifest.steps):
        loops = (step,) if isinstance(step, Repeat) else ()
        counters.update(loop.counter for loop in loops)
        for name in (step.condition, *(name for loop in loops for name in (loop.counter, loop.trips))):
            if name is not None and name not in manifest.buffers:
                raise fails("steps", f"name the buffer {clip(name)}, which the plan does not have")
    for name in counters:
        if manifest.buffers[name].space != "arena":
            raise fails("steps", f"count in the buffer {clip(name)}, which is not in the arena")
    for index, launch in enumerate(manifest.launches):
        if wrong := counters.intersection(launch.writes):
            where = f"launch {index} ({clip(launch.kernel)})"
            raise fails(where, f"writes to the buffer {clip(min(wrong))}, in which a loop counts")


def _check_buffers(manifest: Manifest, launch: LaunchSpec, where: str) -> None:
    for name in map(_buffer_of, launch.arguments):
        if name is not None and name not in manifest.buffers:
            raise fails(where, f"names the buffer {clip(name)}, which the plan does not have")
    updated = manifest.updates.values()
    for name in launch.writes:
        buffer = manifest.buffers[name]
        if buffer.space == "weights" or (buffer.space == "input" and buffer.index not in updated):
            raise fails(where, f"writes to the buffer {clip(name)}, which is read-only")


def _buffer_of(argument: ArgumentSpec) -> str | None:
    if isinstance(argument.value, TensorMapSpec):
        return argument.value.buffer
    return None if argument.parameter.kind == "scalar" else str(argument.value)


def _check_outputs(manifest: Manifest, programs: list[Program]) -> None:
    """Raise `PlanError` unless some launch writes every output: results must be computed, not left over."""
    written = {
        manifest.buffers[name].index
        for launch in manifest.launches
        for name in launch.writes
        if manifest.buffers[name].space == "output"
    }
    updated = {
        manifest.buffers[name].index
        for launch in manifest.launches
        for name in launch.writes
        if manifest.buffers[name].space == "input"
    }
    written |= {output for output, input in manifest.updates.items() if input in updated}
    for index, tensor in enumerate(manifest.outputs):
        filled = any(program.outputs[index].bytes for program in programs) or not programs
        if index not in written and filled:
            raise fails(f"output {clip(tensor.name)}", "is written by no launch")
