"""The outputs of a quantized plan, with what the compiler did kept apart from what eight bits cost.

The interpreter executes the precision level with the rounding of each storage type. How far a plan is
from that is the compiler's error, which is that of kernels. How far that level is from the graph that has
its scales, but still multiplies floats (see `explicit`), is the lowering error: what passes did. How far
that graph is from the model is quantization loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...dialects.core.dtypes import F16
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.ir import Module
from ...dialects.core.parser import parse_module
from ...dialects.core.resources import ResourceTable
from ...dialects.graph.quantization import Scaling
from ...runtime.plan import Plan
from ..passes.levels import ALL_DIALECTS
from ..passes.semantics import float_types
from .explicit import ExplicitOutputs
from .measures import Error, error_of, network_bound, roundoff
from .network import OutputReport, Witness, compare_outputs
from .rounding import is_short

# How far lowering must stay below quantization noise, in dB, and the unit roundoffs that it always has:
# storage in floats alone moves outputs by about one. See docs/precision.md.
LOWERING_MARGIN, STORAGE_ROUNDOFFS = 3.0, 8


@dataclass(frozen=True)
class OutputLoss:
    """What quantization did to one output; sqnr: signal to quantization noise in dB, infinite for none."""

    name: str
    error: Error
    sqnr: float


@dataclass(frozen=True)
class Quantization:
    """compiler: the plan's outputs against the precision level; lowering: those of that level against the
    explicit graph; loss: those of that graph against the model; all by output. chosen: whether the build
    chose the scales, rather than the model."""

    compiler: list[OutputReport]
    lowering: list[OutputReport]
    loss: list[OutputLoss]
    chosen: bool

    @property
    def ok(self) -> bool:
        """Whether the compiler's part is within its bounds."""
        return all(report.ok for report in (*self.compiler, *self.lowering))


def is_quantized(module: Module) -> bool:
    """Whether something in MODULE, of any level, is stored in another scale than it is computed in."""
    return any(isinstance(op, Scaling) for op in module.walk())


def precision_level(plan: Plan, weights: ResourceTable) -> Module | None:
    """PLAN's precision level if it is quantized; None where it is not, or the plan has no such level."""
    text = plan.ir("precision")
    module = parse_module(text, ALL_DIALECTS, weights, "precision.ir") if text else None
    return module if module is not None and is_quantized(module) else None


def compare_quantized(
    level: Module,
    inputs: Mapping[str, Array],
    outputs: Mapping[str, Array],
    explicit: ExplicitOutputs,
    witness: Witness,
    tolerance: float | None,
) -> Quantization:
    """OUTPUTS of a plan, the interpretation of its precision LEVEL, the EXPLICIT graph, and the WITNESS, each
    against the next.

    A value that falls on the other side of a tie moves what is computed from it by a step of eight bits,
    so the plan is held to the bound of networks in the coarsest of the other types, and the level to
    `lowering_bound`. TOLERANCE takes the place of both.
    """
    unit = quantized_roundoff(level)
    network = network_bound(unit) if tolerance is None else tolerance
    with np.errstate(all="ignore"):
        meant = interpret(level, inputs)
    compiler = compare_outputs(outputs, meant, unit, network)
    loss = _losses(explicit.outputs, witness.outputs, unit)
    lowering = compare_outputs(meant, explicit.outputs, unit, network)
    # Where the scales are the model's own there is no loss of ours to hold this against.
    chosen = explicit.rewrites is not None
    if tolerance is None and chosen:
        bounds = {each.name: lowering_bound(each.error, unit) for each in loss}
        lowering = [replace(each, bound=bounds[each.name]) for each in lowering]
    return Quantization(compiler, lowering, loss, chosen)


def lowering_bound(loss: Error, unit: float) -> float:
    """The relative L2 error that lowering may add to an output that quantization did LOSS to.

    The few ties that fall to the other side spread through the layers behind, up to a part of the noise
    that there is anyway; so does the rounding of what is stored in floats, of unit roundoff UNIT, which is
    all there is where there is almost no loss.
    """
    noise = loss.relative_l2 if math.isfinite(loss.relative_l2) else 0.0
    return max(noise * 10 ** (-LOWERING_MARGIN / 20), unit * STORAGE_ROUNDOFFS)


def quantized_roundoff(level: Module) -> float:
    """The coarsest unit roundoff of what LEVEL stores in more than eight bits, at least that of f16.

    In f32 nothing would allow for values that fall on the other side of a tie.
    """
    wide = (roundoff(dtype) for dtype in float_types(level) if not is_short(dtype))
    return max([roundoff(F16), *wide])


def _losses(have: Mapping[str, Array], want: Mapping[str, Array], unit: float) -> list[OutputLoss]:
    errors = {name: error_of(np.asarray(have[name]), want[name], unit) for name in have}
    return [OutputLoss(name, error, decibels(error)) for name, error in errors.items()]


def decibels(error: Error) -> float:
    """The ratio of signal to noise that a relative L2 ERROR is."""
    if error.relative_l2 == 0:
        return math.inf
    return -20 * math.log10(error.relative_l2) if math.isfinite(error.relative_l2) else -math.inf
