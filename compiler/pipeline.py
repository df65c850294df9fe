"""The pipeline: which passes lead to each level, in order."""

from __future__ import annotations

from ..codegen.kernels.family import Target
from .conversion.fused_to_precision import FusedToPrecision
from .conversion.graph_to_fused import GraphToFused
from .conversion.precision_to_launch import PrecisionToLaunch
from .passes import Pass
from .transforms.canonicalize import Canonicalize
from .transforms.cse import CommonSubexpressions
from .transforms.dce import DeadCodeElimination
from .transforms.fold_batch_norm import FoldBatchNorm
from .transforms.fold_constants import FoldConstants

TO_GRAPH: tuple[Pass, ...] = (
    FoldConstants(),
    Canonicalize(),
    FoldBatchNorm(),
    FoldConstants(),
    Canonicalize(),
    CommonSubexpressions(),
    DeadCodeElimination(),
)
TO_FUSED: tuple[Pass, ...] = (GraphToFused(),)
TO_PRECISION: tuple[Pass, ...] = (FusedToPrecision(),)


def passes_to(level: str, target: Target) -> tuple[Pass, ...]:
    """The passes that bring a module of the level above (or an imported one) to LEVEL."""
    passes = {
        "graph": TO_GRAPH,
        "fused": TO_FUSED,
        "precision": TO_PRECISION,
        "launch": (PrecisionToLaunch(target),),
    }
    return passes[level]


def all_passes(target: Target) -> tuple[Pass, ...]:
    """Every pass once, for pipelines given as text."""
    steps = (*TO_GRAPH, *TO_FUSED, *TO_PRECISION, PrecisionToLaunch(target))
    return tuple({step.name: step for step in steps}.values())
