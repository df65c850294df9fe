"""How scores become weights on tensor cores: the constants of the softmax, for templates."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....dialects.core.dtypes import F32
from ....dialects.graph.attention import FAR
from ...text.literals import literal
from ...text.render import Code
from .problem import AttentionProblem

LARGEST = 2.0**127  # a power of two in f32


@dataclass(frozen=True)
class WeightsSpec:
    """The softmax of scores in fragments of mma.

    factor: what a score is multiplied by to become an exponent of 2; it includes the scale of the scores
    where that can be applied so late (`late_scale`). unit: its inverse. far: the magnitude beyond which a
    row's largest exponent is rounded too coarsely to be subtracted from the others. rounded: see
    `AttentionProblem`.
    """

    factor: Code
    unit: Code
    far: Code
    late_scale: bool
    rounded: bool


def weights_spec(problem: AttentionProblem) -> WeightsSpec:
    """The softmax of PROBLEM."""
    late = problem.mask is None and problem.scale > 0  # the scale keeps the order of scores
    factor = (problem.scale if late else 1.0) * math.log2(math.e)
    return WeightsSpec(
        factor=Code(literal(factor, F32)),
        unit=Code(literal(min(1 / factor, LARGEST), F32)),
        far=Code(literal(FAR * math.log2(math.e), F32)),
        late_scale=late,
        rounded=problem.rounded,
    )
