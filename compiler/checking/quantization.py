"""The errors of a quantized plan, split into compiler error, lowering error and quantization loss.

The interpreter executes the precision level with the rounding of each storage type. The compiler error is
the plan's difference from that: the kernels' error. The lowering error is the difference between the
precision level and the Q/DQ graph (see `explicit`): the passes' error. The quantization loss is the
difference between the Q/DQ graph and the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...dialects.core.dtypes import F16
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.module import Module
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

# The lowering error must stay this many dB below the quantization noise, or within this many unit roundoffs:
# storing floats alone moves outputs by about one. See docs/precision.md.
LOWERING_MARGIN, STORAGE_ROUNDOFFS = 3.0, 8


@dataclass(frozen=True)
class OutputLoss:
    """The quantization loss of one output; sqnr: signal to noise in dB, infinite where there is no noise."""

    name: str
    error: Error
    sqnr: float


@dataclass(frozen=True)
class Quantization:
    """The errors of a quantized plan, by output.

    compiler: the plan against the precision level; lowering: the precision level against the Q/DQ graph;
    loss: the Q/DQ graph against the model; chosen: whether the build chose the scales, not the model.
    """

    compiler: list[OutputReport]
    lowering: list[OutputReport]
    loss: list[OutputLoss]
    chosen: bool

    @property
    def ok(self) -> bool:
        """Whether compiler error and lowering error are within their bounds."""
        return all(report.ok for report in (*self.compiler, *self.lowering))


def is_quantized(module: Module) -> bool:
    """Whether MODULE, of any level, has a quantize or dequantize op."""
    return any(isinstance(op, Scaling) for op in module.walk())


def precision_level(plan: Plan, weights: ResourceTable) -> Module | None:
    """PLAN's precision level, if the plan has one and it is quantized, else None."""
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
    """Compare the plan's OUTPUTS, its precision LEVEL in the interpreter, the EXPLICIT (Q/DQ) graph and the
    WITNESS, each with the next.

    A value that rounds to the other side of a tie moves later values by a step of eight bits. So the plan is
    held to the bound of networks in the coarsest wider float type, and the level to `lowering_bound`.
    TOLERANCE, a relative L2 error, replaces both.
    """
    unit = quantized_roundoff(level)
    network = network_bound(unit) if tolerance is None else tolerance
    with np.errstate(all="ignore"):
        meant = interpret(level, inputs)
    compiler = compare_outputs(outputs, meant, unit, network)
    loss = _losses(explicit.outputs, witness.outputs, unit)
    lowering = compare_outputs(meant, explicit.outputs, unit, network)
    # Where the scales are the model's own, quantization adds no loss that could serve as a bound.
    chosen = explicit.rewrites is not None
    if tolerance is None and chosen:
        bounds = {each.name: lowering_bound(each.error, unit) for each in loss}
        lowering = [replace(each, bound=bounds[each.name]) for each in lowering]
    return Quantization(compiler, lowering, loss, chosen)


def lowering_bound(loss: Error, unit: float) -> float:
    """The bound on the lowering error, a relative L2 error, of an output with the quantization LOSS.

    A few values round to the other side of a tie, and later layers spread that up to a fraction of the
    quantization noise. So they do with the rounding of stored floats, of unit roundoff UNIT, which dominates
    where there is almost no loss.
    """
    noise = loss.relative_l2 if math.isfinite(loss.relative_l2) else 0.0
    return max(noise * 10 ** (-LOWERING_MARGIN / 20), unit * STORAGE_ROUNDOFFS)


def quantized_roundoff(level: Module) -> float:
    """The coarsest unit roundoff of the floats that LEVEL stores in more than eight bits, at least f16's.

    The bound of f32 would leave no room for values that round to the other side of a tie.
    """
    wide = (roundoff(dtype) for dtype in float_types(level) if not is_short(dtype))
    return max([roundoff(F16), *wide])


def _losses(have: Mapping[str, Array], want: Mapping[str, Array], unit: float) -> list[OutputLoss]:
    errors = {name: error_of(np.asarray(have[name]), want[name], unit) for name in have}
    return [OutputLoss(name, error, decibels(error)) for name, error in errors.items()]


def decibels(error: Error) -> float:
    """The signal-to-noise ratio in dB of a relative L2 ERROR; infinite for no error."""
    if error.relative_l2 == 0:
        return math.inf
    return -20 * math.log10(error.relative_l2) if math.isfinite(error.relative_l2) else -math.inf
