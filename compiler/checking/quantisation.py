"""The outputs of a quantised plan, with what the compiler did kept apart from what eight bits cost.

The interpreter executes the precision level with the rounding of each storage type. How far a plan is
from that is the compiler's error; how far that is from the model is quantisation loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...dialects.core.dtypes import F16
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.ir import Module
from ...dialects.core.parser import parse_module
from ...dialects.core.resources import ResourceTable
from ...dialects.graph.quantization import Scaling
from ...runtime.plan import Plan
from ..dialects import ALL_DIALECTS
from ..semantics import float_types
from .measures import Error, error_of, network_bound, roundoff
from .network import OutputReport, Witness, compare_outputs
from .rounding import is_short


@dataclass(frozen=True)
class OutputLoss:
    """What quantisation did to one output; sqnr: signal to quantisation noise in dB, infinite for none."""

    name: str
    error: Error
    sqnr: float


@dataclass(frozen=True)
class Quantisation:
    """compiler: the plan's outputs against the precision level; loss: those of that level against the
    model; both by output."""

    compiler: list[OutputReport]
    loss: list[OutputLoss]


def is_quantised(module: Module) -> bool:
    """Whether something in MODULE, of any level, is stored in another scale than it is computed in."""
    return any(isinstance(op, Scaling) for op in module.walk())


def precision_level(plan: Plan, weights: ResourceTable) -> Module | None:
    """PLAN's precision level if it is quantised; None where it is not, or the plan has no such level."""
    text = plan.ir("precision")
    module = parse_module(text, ALL_DIALECTS, weights, "precision.ir") if text else None
    return module if module is not None and is_quantised(module) else None


def compare_quantised(
    level: Module,
    inputs: Mapping[str, Array],
    outputs: Mapping[str, Array],
    witness: Witness,
    tolerance: float | None,
) -> Quantisation:
    """OUTPUTS of a plan, the interpretation of its precision LEVEL, and the WITNESS, each against the next.

    A value that falls on the other side of a tie moves what is computed from it by a step of eight bits,
    so outputs are held to the bound of networks in the coarsest of the other types. TOLERANCE takes its
    place.
    """
    unit = quantised_roundoff(level)
    bound = network_bound(unit) if tolerance is None else tolerance
    with np.errstate(all="ignore"):
        meant = interpret(level, inputs)
    return Quantisation(compare_outputs(outputs, meant, unit, bound), _losses(meant, witness.outputs, unit))


def quantised_roundoff(level: Module) -> float:
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
