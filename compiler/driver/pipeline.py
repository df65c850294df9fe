"""The pipeline: which passes lead to each level, in order."""

from __future__ import annotations

from ...codegen.interface import ArchSpec
from ..fusion.decompose_attention import DecomposeAttention
from ..fusion.graph_to_fused import GraphToFused
from ..fusion.horizontal.contractions import HorizontalContraction
from ..fusion.interaction_kernels import InteractionKernels
from ..fusion.join_bags import JoinBags
from ..fusion.packed_products import PackedProducts
from ..fusion.predicate_branches import PredicateBranches
from ..fusion.recurrence_kernels import RecurrenceKernels
from ..fusion.row_results import RowResults
from ..fusion.unpack_once import UnpackOnce
from ..fusion.widen_concats import WidenConcats
from ..memory.proofs.check_launch import CheckLaunch
from ..passes.levels import LEVELS
from ..passes.manager import Pass
from ..passes.switches import Hold, Release
from ..precision.few_rows.few_rows import FewRows
from ..precision.fused_to_precision import FusedToPrecision
from ..precision.narrowing.decisions import wide_values
from ..precision.pools.contraction_pool import ContractionPool
from ..precision.quantization.insert import InsertQuantization
from ..precision.quantization.integer_arithmetic import IntegerArithmetic
from ..precision.quantization.propagate import PropagateQuantization
from ..precision.quantization.recentre import RecentreZeroPoints
from ..precision.quantization.smooth import SmoothActivations
from ..precision.quantization.spread import DequantizeWhereRead
from ..schedule.chaining.chain_contractions import ChainContractions
from ..schedule.enclosing.enclose_depthwise import EncloseDepthwise
from ..schedule.enclosing.join_bottlenecks import JoinBottlenecks
from ..schedule.enclosing.join_caches import JoinCaches
from ..schedule.grouping.group_launches import GroupLaunches
from ..schedule.precision_to_launch import PrecisionToLaunch
from ..schedule.streams.assign import AssignStreams
from ..simplify.canonicalize import Canonicalize
from ..simplify.cse import CommonSubexpressions
from ..simplify.dce import DeadCodeElimination
from ..simplify.fold_batch_norm import FoldBatchNorm
from ..simplify.fold_constants import FoldConstants
from ..simplify.in_place import MarkInPlace
from ..simplify.recognize import Recognize
from ..simplify.recurrence_loops import RecurrenceLoops
from ..simplify.recurrent_loops.from_loops import RecurrentLoops
from ..unpadding.unpad import Unpad

# The target-independent passes of the graph level. Passes that depend on the target come after them.
SIMPLIFY: tuple[Pass, ...] = (
    Hold(),
    RecurrenceLoops(),
    FoldConstants(),
    RecurrentLoops(),
    Canonicalize(),
    CommonSubexpressions(),
    Recognize(),
    RecurrentLoops(),
    Canonicalize(),
    FoldBatchNorm(),
    FoldConstants(),
    Canonicalize(),
    CommonSubexpressions(),
    SmoothActivations(),
    InsertQuantization(),
    PropagateQuantization(),
    FoldConstants(),
    RecentreZeroPoints(),
    IntegerArithmetic(),
    CommonSubexpressions(),
)
_TIDY: tuple[Pass, ...] = (Canonicalize(), DequantizeWhereRead(), Release(), DeadCodeElimination())
TO_UNJOINED: tuple[Pass, ...] = (*SIMPLIFY, *_TIDY)  # the graph level without a target: no siblings joined


def passes_to(level: str, target: ArchSpec) -> tuple[Pass, ...]:
    """The passes that lower a module from the level above (or an imported one) to LEVEL, for TARGET."""
    passes: dict[str, tuple[Pass, ...]] = {
        "graph": (
            *SIMPLIFY,
            Unpad(),
            RecurrenceKernels(target, wide_values),
            InteractionKernels(target),
            PackedProducts(target),
            UnpackOnce(),
            PredicateBranches(target),
            HorizontalContraction(target),
            JoinBags(),
            *_TIDY,
            MarkInPlace(),
        ),
        "fused": (DecomposeAttention(target), GraphToFused(target), RowResults(), WidenConcats()),
        "precision": (
            FusedToPrecision(target),
            ContractionPool(target),
            FewRows(target),
        ),
        "launch": (
            PrecisionToLaunch(target),
            EncloseDepthwise(target),
            ChainContractions(target),
            JoinBottlenecks(target),
            JoinCaches(target),
            GroupLaunches(target),
            AssignStreams(target),
            CheckLaunch(),
        ),
    }
    return passes[level]


def passes_through(level: str, target: ArchSpec) -> tuple[Pass, ...]:
    """The passes that lower an imported module to LEVEL, through all levels above it, for TARGET."""
    levels = LEVELS[: LEVELS.index(level) + 1]
    return tuple(step for each in levels for step in passes_to(each, target))


def asks_target(step: Pass) -> bool:
    """Whether STEP depends on the target; builds for several targets split at such a pass."""
    return hasattr(step, "target")


def checks_at(level: str) -> tuple[Pass, ...]:
    """The checks of a module that enters at LEVEL as IR text, which no pass of this compiler produced."""
    return (CheckLaunch(),) if level == "launch" else ()


def all_passes(target: ArchSpec) -> tuple[Pass, ...]:
    """Every pass once, for pipelines that are given as text."""
    return tuple({step.name: step for step in passes_through(LEVELS[-1], target)}.values())
