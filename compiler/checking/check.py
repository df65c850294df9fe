"""The check of a whole model: every launch, the rewrites of the graph level, and the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan
from typing import Any

import numpy as np

from ...dialects.core.clone import clone_module
from ...dialects.core.defaults import completed
from ...dialects.core.interpreter import Array, bind_symbols, interpret
from ...dialects.core.module import Module
from ...dialects.core.parser import parse_module
from ...dialects.core.unpadded import without_padding
from ...runtime.engine import Engine
from ...runtime.plan import Plan
from ..driver.build import Settings, build
from ..frontend.source import Source, level_of
from ..passes.levels import ALL_DIALECTS
from ..passes.semantics import unit_roundoff
from ..report.modules import launch_module
from ..report.presented import Block, Report
from ..settings.names import INTERPRET
from .accuracy import LaunchReport, launched_module, observed
from .described import describe
from .explicit import explicit_outputs, inserts_scales
from .measures import network_bound
from .network import OutputReport, Witness, call_witness, compare_outputs, meaning
from .quantization import Quantization, compare_quantized, is_quantized, precision_level, quantized_roundoff
from .range_watch import TensorLoss, TensorRange, losses, weight_losses
from .tables import blocks_of

NUMPY = "numpy, without kernels"


@dataclass(frozen=True)
class Case:
    """A model and the inputs to check it on; `module` is `source` as imported, before any pass."""

    source: Source
    module: Module
    inputs: Mapping[str, Array]

    @property
    def symbols(self) -> dict[str, int]:
        """The values of the symbols, taken from the shapes of the inputs."""
        function, inputs = self.module.main, completed(self.module, self.inputs)
        return bind_symbols(function, [inputs[name] for name in function.inputs])


@dataclass(frozen=True, repr=False)
class CheckReport(Report):
    """The result of a check.

    launches: worst first; outputs: the plan's outputs against the reference; rewrites: the outputs of the
    graph level, unfused and in f64, against those of the imported model in f64, which shows what the passes
    of that level did (up to quantization, where the build quantizes); ranges: tensors with values outside the
    range of their storage type; quantization: for a quantized plan, kernel errors, pass errors and loss.
    The loss of an eight-bit policy is not an error, so its outputs have no bound.
    """

    device: str
    symbols: Mapping[str, int]
    tolerance: float | None
    launches: list[LaunchReport]
    outputs: list[OutputReport]
    rewrites: list[OutputReport]
    witness: Witness
    ranges: list[TensorLoss] = field(default_factory=list)
    quantization: Quantization | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is within its bound."""
        launches = all(self.fits(launch) for launch in self.launches)
        quantized = self.quantization is None or self.quantization.ok
        return launches and quantized and all(report.ok for report in (*self.outputs, *self.rewrites))

    @property
    def unjudged(self) -> list[str]:
        """The outputs that nothing bounds, neither themselves nor what `quantization` compares."""
        judged = self.quantization is not None
        return [] if judged else [report.name for report in self.outputs if report.bound is None]

    def to_json(self) -> dict[str, Any]:
        return describe(self)

    def blocks(self) -> Iterable[Block]:
        return blocks_of(self)

    def fits(self, launch: LaunchReport) -> bool:
        """Whether LAUNCH's local error is within its bound."""
        return launch.excess(self.tolerance) <= 1


@np.errstate(all="ignore")
def check(case: Case, settings: Settings, device: str | None, tolerance: float | None = None) -> CheckReport:
    """Build CASE's model, run it on DEVICE and compare launches and outputs with the reference.

    DEVICE is as for `Engine`, or 'interpret': then the launch level is executed in numpy, which shows what
    passes did but not what kernels do. The build consumes CASE's module. TOLERANCE, a relative L2 error,
    replaces all bounds. Raises what `build` and `Engine` raise.
    """
    witness = call_witness(case.source, case.module, case.inputs)
    graphed = level_of(case.module) == "graph"
    imported = meaning(case.module, case.inputs) if graphed else {}
    symbols, given = case.symbols, is_quantized(case.module)
    untouched = clone_module(case.module) if given or inserts_scales(case.module, settings) else None
    plan = build(case.module, settings).plan
    level = precision_level(plan, case.module.resources)
    unit = storage_roundoff(plan) if level is None else quantized_roundoff(level)
    bound = _bound(unit, level is not None and not given) if tolerance is None else tolerance
    explicit = None
    if level is not None and untouched is not None:
        explicit = explicit_outputs(untouched, settings, case.inputs, imported, tolerance)
    graph = _graph_level(plan, case.module) if graphed else None
    if graph is not None:
        witness = witness.of(graph, case.inputs)
        imported = without_padding(graph, imported, case.inputs)
        if explicit is not None:
            outputs = without_padding(graph, explicit.outputs, case.inputs)
            explicit = replace(explicit, outputs=outputs)
    rewrites = None if explicit is None else explicit.rewrites
    if rewrites is None and graph is not None:
        rewrites = compare_outputs(meaning(graph, case.inputs), imported, unit, bound)
    if graph is not None and settings.unpadded is not None:
        symbols = replace(case, module=graph).symbols  # those of rows, too
    ran = _ran(plan, device, case.inputs, symbols, graph)
    quantization = None
    if level is not None and explicit is not None:
        quantization = compare_quantized(level, case.inputs, ran.outputs, explicit, witness, tolerance)
    return CheckReport(
        device=ran.device,
        symbols=symbols,
        tolerance=tolerance,
        launches=worst_first(ran.reports, tolerance),
        outputs=compare_outputs(ran.outputs, witness.outputs, unit, bound),
        rewrites=rewrites or [],
        witness=witness,
        ranges=losses(ran.ranges) + ([] if graph is None else weight_losses(ran.ranges, graph)),
        quantization=quantization,
    )


@dataclass(frozen=True)
class _CheckedRun:
    """A run of a plan: where, its outputs, and what was measured of launches and of the ranges of tensors."""

    device: str
    outputs: Mapping[str, Array]
    reports: Sequence[LaunchReport] = ()
    ranges: Sequence[TensorRange] = ()


def _ran(
    plan: Plan,
    device: str | None,
    inputs: Mapping[str, Array],
    symbols: Mapping[str, int],
    graph: Module | None,
) -> _CheckedRun:
    if device == INTERPRET:
        return _CheckedRun(NUMPY, interpret(launch_module(plan), inputs))
    with Engine(plan, device) as engine:
        observer, outputs = observed(engine, inputs, symbols, graph)
        return _CheckedRun(engine.device, outputs, observer.reports, observer.ranges)


def _graph_level(plan: Plan, module: Module) -> Module:
    """The graph level of PLAN, with the weights of the MODULE that it was built from."""
    return parse_module(plan.ir("graph"), ALL_DIALECTS, module.resources, "graph.ir")


def _bound(unit: float, quantizes: bool) -> float | None:
    """The relative L2 error to allow at the outputs; None where the build itself QUANTIZES: nothing bounds
    what that costs."""
    return None if quantizes else network_bound(unit)


def worst_first(reports: Sequence[LaunchReport], tolerance: float | None) -> list[LaunchReport]:
    """The worst report of each output of each launch, which ran several times in loops; the worst first."""

    def excess(report: LaunchReport) -> float:
        found = report.excess(tolerance)
        return inf if isnan(found) else found

    worst: dict[tuple[int, int], LaunchReport] = {}
    for report in reports:
        known = worst.get((report.index, report.position))
        if known is None or excess(report) > excess(known):
            worst[report.index, report.position] = report
    return sorted(worst.values(), key=lambda report: -excess(report))


def storage_roundoff(plan: Plan) -> float:
    """The unit roundoff of the coarsest float type that PLAN stores between its kernels."""
    return unit_roundoff(launched_module(plan))
