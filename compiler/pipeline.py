"""The pipeline: which passes lead to each level, in order."""

from __future__ import annotations

from ..codegen.kernels.family import Target
from .analysis.check_launch import CheckLaunch
from .conversion.fused_to_precision import FusedToPrecision
from .conversion.graph_to_fused import GraphToFused
from .conversion.grouping.group_launches import GroupLaunches
from .conversion.precision_to_launch import PrecisionToLaunch
from .conversion.streams.assign import AssignStreams
from .passes import Pass
from .switches import Hold, Release
from .transforms.canonicalize import Canonicalize
from .transforms.cse import CommonSubexpressions
from .transforms.dce import DeadCodeElimination
from .transforms.decompose_attention import DecomposeAttention
from .transforms.fold_batch_norm import FoldBatchNorm
from .transforms.fold_constants import FoldConstants
from .transforms.horizontal import HorizontalContraction
from .transforms.horizontal_concat import WidenConcats
from .transforms.quantization.insert import InsertQuantization
from .transforms.quantization.integer_arithmetic import IntegerArithmetic
from .transforms.quantization.propagate import PropagateQuantization
from .transforms.quantization.recentre import RecentreZeroPoints
from .transforms.quantization.spread import DequantizeWhereRead
from .transforms.recognize import Recognize

TO_GRAPH: tuple[Pass, ...] = (
    Hold(),
    FoldConstants(),
    Canonicalize(),
    CommonSubexpressions(),
    Recognize(),
    Canonicalize(),
    FoldBatchNorm(),
    FoldConstants(),
    Canonicalize(),
    CommonSubexpressions(),
    InsertQuantization(),
    PropagateQuantization(),
    FoldConstants(),
    RecentreZeroPoints(),
    IntegerArithmetic(),
    CommonSubexpressions(),
    HorizontalContraction(),
    Canonicalize(),
    DequantizeWhereRead(),
    Release(),
    DeadCodeElimination(),
)
TO_FUSED: tuple[Pass, ...] = (GraphToFused(), WidenConcats())
TO_PRECISION: tuple[Pass, ...] = (FusedToPrecision(),)


def passes_to(level: str, target: Target) -> tuple[Pass, ...]:
    """The passes that bring a module of the level above (or an imported one) to LEVEL."""
    passes = {
        "graph": TO_GRAPH,
        "fused": (DecomposeAttention(target), *TO_FUSED),
        "precision": TO_PRECISION,
        "launch": (
            PrecisionToLaunch(target),
            GroupLaunches(target),
            AssignStreams(target),
            CheckLaunch(),
        ),
    }
    return passes[level]


def checks_at(level: str) -> tuple[Pass, ...]:
    """What a module must pass that enters at LEVEL, where nothing but its text vouches for it."""
    return (CheckLaunch(),) if level == "launch" else ()


def all_passes(target: Target) -> tuple[Pass, ...]:
    """Every pass once, for pipelines given as text."""
    steps = (
        *TO_GRAPH,
        DecomposeAttention(target),
        *TO_FUSED,
        *TO_PRECISION,
        PrecisionToLaunch(target),
        GroupLaunches(target),
        AssignStreams(target),
        CheckLaunch(),
    )
    return tuple({step.name: step for step in steps}.values())
