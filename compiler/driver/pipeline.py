"""The pipeline: which passes lead to each level, in order."""

from __future__ import annotations

from ...codegen.kernels.family import Target
from ..fusion.graph_to_fused import GraphToFused
from ..fusion.horizontal.concats import WidenConcats
from ..fusion.horizontal.contractions import HorizontalContraction
from ..memory.proofs.check_launch import CheckLaunch
from ..passes.manager import Pass
from ..passes.switches import Hold, Release
from ..precision.fused_to_precision import FusedToPrecision
from ..precision.quantization.insert import InsertQuantization
from ..precision.quantization.integer_arithmetic import IntegerArithmetic
from ..precision.quantization.propagate import PropagateQuantization
from ..precision.quantization.recentre import RecentreZeroPoints
from ..precision.quantization.spread import DequantizeWhereRead
from ..schedule.grouping.group_launches import GroupLaunches
from ..schedule.precision_to_launch import PrecisionToLaunch
from ..schedule.streams.assign import AssignStreams
from ..simplify.canonicalize import Canonicalize
from ..simplify.cse import CommonSubexpressions
from ..simplify.dce import DeadCodeElimination
from ..simplify.decompose_attention import DecomposeAttention
from ..simplify.fold_batch_norm import FoldBatchNorm
from ..simplify.fold_constants import FoldConstants
from ..simplify.recognize import Recognize

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
