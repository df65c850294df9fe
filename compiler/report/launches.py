"""The work of each launch of a plan, the launches that use each buffer, and branches and loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.parser import parse_module
from ...dialects.core.traits import Trait, has
from ...dialects.launch import Kernel, kernels_in
from ...errors import IRError
from ...runtime.expressions import Expression
from ...runtime.expressions import evaluate as size_of
from ...runtime.plan import Plan
from ...runtime.program import BoundBranch, BoundLaunch, BoundRepeat, BoundStep, resolve
from ...runtime.steps import Branch, Repeat, controls_in, launches_in, lists_of
from ...runtime.unroll import is_unrolled
from ..kernels.members import Member, members_of
from ..passes.levels import ALL_DIALECTS

_TENSOR_RATES = {"f16": 1.0, "bf16": 1.0, "tf32": 0.5}


@dataclass(frozen=True)
class LaunchFacts:
    """One launch at given sizes.

    bytes: read and written, each buffer counted once; flops: None where the plan's launch level does not
    say; tensor: the tensor-core rate of its products relative to 16-bit floats, 0 without tensor cores;
    formats: requested, chosen and executed, as far as the launch level says.
    """

    bound: BoundLaunch
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    bytes: int
    flops: int | None
    tensor: float
    formats: Mapping[str, str]


@dataclass(frozen=True)
class BufferFacts:
    """One buffer at given sizes, with the launches that read or write it, in order."""

    name: str
    space: str
    offset: int
    bytes: int
    users: tuple[int, ...]


@dataclass(frozen=True)
class ControlFacts:
    """A branch or a loop, with `depth` others around it.

    launches: the first and the last that it may run, None without any; does: what it does, in words; on_gpu:
    how it is run on a GPU.
    """

    depth: int
    launches: tuple[int, int] | None
    does: str
    on_gpu: str


def controls_of(plan: Plan, symbols: Mapping[str, int]) -> list[ControlFacts]:
    """The branches and loops of PLAN, each before those inside of it; trip counts are those at SYMBOLS."""
    return list(_controls(resolve(plan.spec, symbols).steps, bool(plan.spec.setter), 0))


def _controls(steps: Sequence[BoundStep], setter: bool, depth: int) -> Iterator[ControlFacts]:
    for step in steps:
        if isinstance(step, int):
            continue
        inside = [index for each in lists_of(step) for index in launches_in(each)]
        place = (inside[0], inside[-1]) if inside else None
        yield ControlFacts(depth, place, _does(step), _on_gpu(step, setter))
        for each in lists_of(step):
            yield from _controls(each, setter, depth + 1)


def _does(step: BoundBranch | BoundRepeat) -> str:
    if isinstance(step, Branch):
        then, otherwise = (len(list(launches_in(each))) for each in lists_of(step))
        return f"if {step.condition.name}: {then} launches, else {otherwise}"
    limits = [] if step.bound is None else [f"{step.bound} times"]
    limits += [] if step.trips is None else [f"as often as {step.trips.name} says"]
    limits += [] if step.condition is None else [f"while {step.condition.name}"]
    return ", ".join(limits)


def _on_gpu(step: BoundBranch | BoundRepeat, setter: bool) -> str:
    if not isinstance(step, Branch) and is_unrolled(step):
        return "unrolled into the graph"
    if not setter:
        return "read back by the host"
    return "IF node of the graph" if isinstance(step, Branch) else "WHILE node of the graph"


def launches_of(plan: Plan, symbols: Mapping[str, int]) -> list[LaunchFacts]:
    """The launches of PLAN, in order."""
    bound = resolve(plan.spec, symbols).launches
    sizes = {buffer.name: buffer.bytes for buffer in buffers_of(plan, symbols)}
    ops = _kernels(plan, len(bound))
    result = []
    for launch, spec, op in zip(bound, plan.spec.launches, ops, strict=True):
        moved = sum(sizes[name] for name in {*spec.reads, *spec.writes})
        flops = None if op is None else _flops(op, symbols)
        members = [] if op is None else members_of(op)
        formats = _formats(members)
        result.append(
            LaunchFacts(launch, spec.reads, spec.writes, moved, flops, _tensor_rate(members), formats)
        )
    return result


def work_by_node(plan: Plan, symbols: Mapping[str, int]) -> list[dict[str, float]]:
    """For every launch of PLAN, in order, its ONNX nodes, each with the part of the launch's work that it is.

    An estimate: the work of an op is its FLOPs, and at least one for every element of its results; the nodes
    of one op have equal parts.
    """
    return [
        _parts({} if op is None else _work(op, symbols), spec.nodes)
        for op, spec in zip(_kernels(plan, len(plan.spec.launches)), plan.spec.launches, strict=True)
    ]


def _work(op: Kernel, symbols: Mapping[str, int]) -> dict[str, float]:
    found: dict[str, float] = {}
    for outer in op.body.block:
        for each in outer.walk():
            if has(each, Trait.CONSTANT) or has(each, Trait.TERMINATOR):
                continue
            try:
                elements = sum(evaluate(value.type.elements, symbols) for value in each.results)
                work = max(evaluate(each.flops(), symbols), elements)
            except (IRError, KeyError):  # a symbol that the manifest does not know
                return {}
            for node in each.location.nodes:
                found[node] = found.get(node, 0.0) + work / len(each.location.nodes)
    return found


def _parts(work: Mapping[str, float], nodes: Sequence[str]) -> dict[str, float]:
    """WORK as parts of its sum; equal parts of NODES where nothing is known."""
    total = sum(work.values())
    if total > 0:
        return {node: each / total for node, each in work.items()}
    return {node: 1 / len(nodes) for node in nodes}


def _kernels(plan: Plan, count: int) -> list[Kernel] | list[None]:
    """The launch-level op of every launch; None for all where the IR text does not match the manifest."""
    try:
        module = parse_module(plan.ir("launch"), ALL_DIALECTS, file="launch.ir")
    except IRError:
        return [None] * count
    found = [op for function in module.functions for op in kernels_in(function.block)]
    return found if len(found) == count else [None] * count


def _flops(op: Kernel, symbols: Mapping[str, int]) -> int | None:
    try:
        return evaluate(op.flops(), symbols)
    except (IRError, KeyError):  # a symbol that the manifest does not know
        return None


def _tensor_rate(members: Sequence[Member]) -> float:
    """The lowest tensor-core rate among the contractions of MEMBERS; 0 when there are none."""
    products = [member for member in members if _multiplies(member)]
    rates = (_TENSOR_RATES.get(str(member.formats.get("executed")), 0.0) for member in products)
    return min(rates, default=0.0)


def _multiplies(member: Member) -> bool:
    return any(has(inner, Trait.CONTRACTION) for outer in member.body for inner in outer.walk())


def _formats(members: Sequence[Member]) -> dict[str, str]:
    """The number formats of MEMBERS, each format once; a key is missing where the IR does not say."""
    result = {}
    for word, key in (("requested", "requested"), ("chosen", "compute"), ("executed", "executed")):
        names = [member.formats[key].name for member in members if key in member.formats]
        if names:
            result[word] = ", ".join(dict.fromkeys(names))
    return result


def buffers_of(plan: Plan, symbols: Mapping[str, int]) -> list[BufferFacts]:
    """The buffers of PLAN, in the manifest's order."""
    users: dict[str, list[int]] = {}
    for index, launch in enumerate(plan.spec.launches):
        for name in (*launch.reads, *launch.writes):
            users.setdefault(name, []).append(index)
    for step in controls_in(plan.spec.steps):
        inside = [index for each in lists_of(step) for index in launches_in(each)]
        for name in _used_by(step):
            users.setdefault(name, []).extend(inside)
    return [
        BufferFacts(
            buffer.name,
            buffer.space,
            size_of(buffer.offset, symbols),
            size_of(buffer.bytes, symbols),
            tuple(sorted(set(users.get(buffer.name, ())))),
        )
        for buffer in plan.spec.buffers.values()
    ]


def _used_by(step: Branch[str, Expression] | Repeat[str, Expression]) -> list[str]:
    """The buffers that STEP itself reads or counts in, by name."""
    names = [step.condition] if isinstance(step, Branch) else [step.counter, step.trips, step.condition]
    return [name for name in names if name is not None]
