"""The accuracy of every launch of a plan, measured while the plan runs.

The inputs of each launch are copied out before it runs, and its outputs after it. Its region, replayed on
those inputs, gives the *local* error: the error that this kernel alone adds. The unfused graph in f64 gives
the *total* error. The total error of the tensors that a launch reads is its *inherited* error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...dialects.core.dtypes import DType
from ...dialects.core.interpreter import Array
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.parser import parse_module
from ...dialects.launch import Kernel, kernels_in
from ...dialects.launch_memory import View
from ...errors import IRError, PlanError
from ...runtime.device import ReadBuffer
from ...runtime.engine import Engine
from ...runtime.manifest import LaunchSpec
from ...runtime.plan import Plan
from ..kernels.members import Member, members_of
from ..passes.levels import ALL_DIALECTS
from .bounds import quotient
from .matching import GraphMatch, exact_values
from .measures import Error, MeasuredRange, error_of, range_of, roundoff
from .range_watch import NO_RESULT, TensorRange
from .replay import replay, typed


@dataclass(frozen=True)
class LaunchReport:
    """The errors of output `position` of a launch, at one time that it ran. In a group of launches, ops,
    nodes and inherited error are those of the member that wrote the output.

    local: against the launch's region, rounded as the precision level says; unrounded: against the region in
    f64; allowed: the bound on local.max_abs, for 8-bit floats the bound on the value before rounding; worst:
    the largest ratio of an element's error to its bound; inherited: the largest known relative L2 error of
    the tensors it read; total: the relative L2 error of the output against the unfused graph in f64, None
    where the graph has no such value.
    """

    index: int
    position: int
    kernel: str
    op: str
    nodes: tuple[str, ...]
    stored: DType
    local: Error
    unrounded: Error
    allowed: float
    worst: float
    inherited: float
    total: float | None
    range: MeasuredRange

    def excess(self, tolerance: float | None) -> float:
        """The ratio of the local error to its bound; with a TOLERANCE, of the relative L2 error to that."""
        if tolerance is not None:
            return quotient(self.local.relative_l2, tolerance)
        return self.worst


@dataclass(frozen=True)
class _Source:
    """The origin of a result: the ops and nodes of its kernel, and the largest error among its inputs."""

    op: str
    nodes: tuple[str, ...]
    inherited: float


def launched_module(plan: Plan) -> Module:
    """PLAN's launch level, without weights. Raises PlanError if it does not match the manifest."""
    try:
        module = parse_module(plan.ir("launch"), ALL_DIALECTS, file="launch.ir")
    except IRError as error:
        raise PlanError.of(error.diagnostic.within("the plan's launch level is damaged")) from None
    kernels = list(kernels_in(module.main.block))
    if [op.kernel for op in kernels] != [launch.kernel for launch in plan.spec.launches]:
        raise PlanError("the plan's launch level does not list the manifest's launches")
    return module


class AccuracyObserver:
    """Measures every launch while `Engine.trace` runs; afterwards `reports` has the results, in order."""

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Array],
        symbols: Mapping[str, int],
        graph: Module | None = None,
    ) -> None:
        module = launched_module(plan)
        self._kernels = list(kernels_in(module.main.block))
        self._launches = plan.spec.launches
        self._symbols = symbols
        self._written: Mapping[tuple[Operation, int], Value] = {}
        self._values: Mapping[Value, Array] = {}
        if graph is not None:
            match = GraphMatch(graph, module)
            self._written = match.written
            self._values = exact_values(graph, inputs, match.written.values())[1]
        self._ranges: dict[tuple[int, int, Operation | None], TensorRange] = {}
        self._errors: dict[Value, dict[Value, float]] = {}
        self._reads: list[Array] = []
        self.reports: list[LaunchReport] = []

    @property
    def ranges(self) -> list[TensorRange]:
        """The range of every output of every launch; of launches in loops, over all iterations."""
        return list(self._ranges.values())

    def _note(self, found: TensorRange) -> None:
        key = found.index, found.position, found.product
        known = self._ranges.get(key)
        joined = found.range if known is None else known.range.joined(found.range)
        self._ranges[key] = replace(found, range=joined)

    def before(self, index: int, read: ReadBuffer) -> None:
        """Copy what launch INDEX reads."""
        op, spec = self._kernels[index], self._launches[index]
        pairs = zip(op.reads, spec.reads, strict=True)
        self._reads = [typed(read(name), value.type, self._symbols) for value, name in pairs]

    def after(self, index: int, read: ReadBuffer) -> None:
        """Measure what launch INDEX wrote."""
        op, spec = self._kernels[index], self._launches[index]
        names = spec.writes[: op.outputs]
        wrote = [typed(read(n), v.type, self._symbols) for v, n in zip(op.writes, names, strict=True)]
        if op.stacked:
            row = int(self._reads[-1])
            wrote = [stack[row, ...] for stack in wrote]
        reports = self._measured(index, op, spec, wrote)
        for value, report in zip(op.writes, reports, strict=True):
            known = report.inherited if report.total is None else report.total
            self._errors.setdefault(_root(value), {})[value] = known
        self.reports += reports
        self._reads = []

    def _measured(
        self, index: int, op: Kernel, spec: LaunchSpec, wrote: Sequence[Array]
    ) -> list[LaunchReport]:
        expected = replay(op, self._reads, self._symbols)
        sources = [source for member in members_of(op) for source in self._sources(op, member, spec)]
        for product, operand in expected.loaded:
            dtype = product.inputs[0].type.dtype
            lost = range_of(operand, dtype)
            self._note(TensorRange(index, NO_RESULT, spec.kernel, op, dtype, lost, product))
        reports: list[LaunchReport] = []
        for position, (value, have) in enumerate(zip(op.writes, wrote, strict=True)):
            unit, bound = roundoff(value.type.dtype), expected.bounds[position]
            local = error_of(have, expected.rounded[position], unit)
            exact = expected.exact[position]
            reference = self._reference(op, position)
            lost = range_of(exact if reference is None else reference, value.type.dtype)
            source = sources[position]
            self._note(TensorRange(index, position, spec.kernel, op, value.type.dtype, lost))
            reports.append(
                LaunchReport(
                    index=index,
                    position=position,
                    kernel=spec.kernel,
                    op=source.op,
                    nodes=source.nodes,
                    stored=value.type.dtype,
                    local=local,
                    unrounded=error_of(have, exact, unit),
                    allowed=bound.largest,
                    worst=bound.share(have, local),
                    inherited=source.inherited,
                    total=None if reference is None else error_of(have, reference, unit).relative_l2,
                    range=lost,
                )
            )
        return reports

    def _sources(self, op: Kernel, member: Member, spec: LaunchSpec) -> list[_Source]:
        """The source of each result of MEMBER."""
        inherited = max((self._known_error(value) for value in op.reads[member.reads]), default=0.0)
        source = _Source(spec.op, spec.nodes, inherited)
        if member.body is not op.body.block:  # a member of a group
            source = _Source(member.ops, member.nodes or spec.nodes, inherited)
        return [source] * (member.writes.stop - member.writes.start)

    def _known_error(self, value: Value) -> float:
        """The known error of the tensor in a buffer: its own, or the largest among its parts."""
        parts = self._errors.get(_root(value), {})
        return parts[value] if value in parts else max(parts.values(), default=0.0)

    def _reference(self, op: Kernel, position: int) -> Array | None:
        """The reference for OP's output at POSITION, from the unfused graph in f64; None if unknown."""
        value = self._written.get((op, position))
        return None if value is None else self._values.get(value)


def _root(value: Value) -> Value:
    while isinstance(value.producer, View):
        value = value.producer.x
    return value


def observed(
    engine: Engine, inputs: Mapping[str, Array], symbols: Mapping[str, int], graph: Module | None = None
) -> tuple[AccuracyObserver, dict[str, Array]]:
    """Run ENGINE once on INPUTS, with an observer; the observer with its reports, and the outputs by name.

    GRAPH is the plan's graph level with its weights, or None where there is none. Raises what `Engine.trace`
    raises, and PlanError where the plan's launch level does not match its manifest.
    """
    observer = AccuracyObserver(engine.plan, inputs, symbols, graph)
    outputs = engine.trace(inputs, observer)
    return observer, outputs


def measure(
    engine: Engine, inputs: Mapping[str, Array], symbols: Mapping[str, int], graph: Module | None = None
) -> tuple[list[LaunchReport], dict[str, Array]]:
    """Run ENGINE once on INPUTS; the accuracy of every launch in order, and the outputs. See `observed`."""
    observer, outputs = observed(engine, inputs, symbols, graph)
    return observer.reports, outputs
