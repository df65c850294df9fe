"""The rules: the name of every rule that writes records to the ledger, a one-line summary, and its pass.

A switchable rule may be given to `--disable-rule`. The others cannot be switched off, because no plan
could be built without them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ...codegen.interface import KERNELS_SHARED, SHARE_KERNELS
from ...errors import InputError
from ...errors.option import option_error
from ..frontend.functions import STANDARD_BODY
from ..frontend.functions import SUMMARY as STANDARD_BODIES
from ..frontend.ops_control import SUMMARIES as CONTROL_RULES
from ..fusion import decompose_attention, interaction_kernels
from ..fusion.decompose_attention import DecomposeAttention
from ..fusion.graph_to_fused import GraphToFused
from ..fusion.horizontal.contractions import HorizontalContraction
from ..fusion.interaction_kernels import InteractionKernels
from ..fusion.packed_products import PackedProducts
from ..fusion.predicate_branches import PredicateBranches
from ..fusion.recurrence_kernels import RecurrenceKernels
from ..fusion.row_results import RowResults
from ..fusion.unpack_once import UnpackOnce
from ..fusion.vertical.attention_layouts import ATTENTION_RULES
from ..fusion.vertical.consumers import CONSUMER_RULES
from ..fusion.vertical.producers import PRODUCER_RULES
from ..fusion.vertical.record import BOUNDARY, ELIDE_CONCAT, PAD_ROWS, VIEW, VIEW_SLICE
from ..fusion.vertical.shuffles import RULE as CONTRACTION_SHUFFLE
from ..fusion.vertical.shuffles import SUMMARY as SHUFFLES
from ..fusion.widen_concats import WidenConcats
from ..passes.spilled import SPILLED
from ..passes.spilled import SUMMARY as SPILLS
from ..patterns.rewrite import Pattern
from ..precision.few_rows.few_rows import SUMMARIES as FEW_ROWS
from ..precision.few_rows.few_rows import FewRows
from ..precision.formats.image_reads import IMAGE_AS_STORED
from ..precision.formats.mismatch import FALLBACK
from ..precision.formats.override_records import OVERRIDE
from ..precision.formats.placement import STORE_CONVERSION, STORED_ALREADY
from ..precision.formats.rounding import LOAD_CONVERSION
from ..precision.fused_to_precision import FusedToPrecision
from ..precision.mixtures import SUMMARIES
from ..precision.narrowing.decisions import KEPT_WIDE
from ..precision.pools.contraction_pool import CONTRACTION_POOL, ContractionPool
from ..precision.pools.contraction_pool import SUMMARY as MAXIMA_FIRST
from ..precision.quantization import integer_arithmetic, propagate
from ..precision.quantization.insert import InsertQuantization
from ..precision.quantization.integer_arithmetic import IntegerArithmetic
from ..precision.quantization.picked import KEPT
from ..precision.quantization.propagate import PropagateQuantization
from ..precision.quantization.recentre import RecentreZeroPoints
from ..precision.quantization.smooth import SmoothActivations
from ..precision.quantization.spread import DequantizeWhereRead
from ..schedule.chaining.chain_contractions import ChainContractions
from ..schedule.chaining.record import CHAIN_CONTRACTIONS
from ..schedule.enclosing.enclose_depthwise import EncloseDepthwise
from ..schedule.enclosing.join_bottlenecks import JoinBottlenecks
from ..schedule.enclosing.record import ENCLOSE_DEPTHWISE, JOIN_BOTTLENECKS
from ..schedule.grouping.group_launches import GroupLaunches
from ..schedule.grouping.record import GROUP_LAUNCHES
from ..schedule.precision_to_launch import PrecisionToLaunch
from ..schedule.streams.assign import CONCURRENCY, AssignStreams
from ..settings.tactics import RULE as TACTICS
from ..settings.tactics import SUMMARY as MEASURED_CHOICES
from ..simplify import canonicalize, fold_batch_norm, recognize
from ..simplify.canonicalize import Canonicalize
from ..simplify.cse import CommonSubexpressions
from ..simplify.dce import DeadCodeElimination
from ..simplify.fold_batch_norm import FoldBatchNorm
from ..simplify.fold_constants import FoldConstants
from ..simplify.recognize import Recognize
from ..simplify.recurrent_loops.from_loops import SUMMARY as LOOPS_OF_CELLS
from ..simplify.recurrent_loops.from_loops import RecurrentLoops
from .size_records import SUMMARIES as SIZE_RULES


@dataclass(frozen=True)
class Rule:
    """A rule: its name, its level (`graph`, `fused`, `precision` or `launch`), and a summary of what it does.

    applied_by: the pass that applies it; empty for rules of the import, of the search, of tuning, of a
    build that is repeated, and of code generation;
    roots: the names of the ops that a rewrite pattern matches at; empty for a rule that is no pattern.
    """

    name: str
    level: str
    summary: str
    switchable: bool = True
    applied_by: str = ""
    roots: tuple[str, ...] = ()


def _table() -> Iterable[Rule]:
    for name, summary in SIZE_RULES.items():
        yield Rule(name, "graph", summary, switchable=False)
    yield Rule(STANDARD_BODY, "graph", STANDARD_BODIES, switchable=False)
    for name, summary in CONTROL_RULES.items():
        yield Rule(name, "graph", summary, switchable=False)
    yield from _graph_rules()
    yield from _fused_rules()
    yield from _precision_rules()
    for name, summary in SUMMARIES.items():
        yield Rule(name, "precision", summary, switchable=False)
    yield from _launch_rules()


def _graph_rules() -> Iterable[Rule]:
    yield _of_pass(FoldConstants.name, "ops on constants => constants")
    yield from _patterns(Canonicalize.name, canonicalize.PATTERNS)
    yield from _patterns(Recognize.name, recognize.PATTERNS)
    yield _of_pass(RecurrentLoops.name, LOOPS_OF_CELLS)
    yield from _patterns(FoldBatchNorm.name, fold_batch_norm.PATTERNS)
    yield from _patterns(PropagateQuantization.name, propagate.PATTERNS)
    yield _of_pass(CommonSubexpressions.name, "equal ops on equal operands => one op")
    smoothed = "matmul(x, w) => matmul(x / s, s * w), for factors s of channels in the calibration table"
    yield _of_pass(SmoothActivations.name, smoothed, switchable=False)
    yield _of_pass(InsertQuantization.name, "conv(x, w) => conv(x, w) with x and w stored in eight bits")
    kept = "an op that only selects or moves quantized elements => its result keeps their scale"
    yield Rule(KEPT, "graph", kept, switchable=False, applied_by=InsertQuantization.name)
    yield _of_pass(RecentreZeroPoints.name, "quantize(x, zero -128) : i8 => quantize(x, zero 0) : u8")
    yield from _patterns(
        IntegerArithmetic.name, (*integer_arithmetic.PATTERNS, *integer_arithmetic.LEFT_OVER)
    )
    yield _of_pass(DequantizeWhereRead.name, "f(y), g(y) of y = dequantize(q) => both dequantize q")
    yield _of_pass(
        RecurrenceKernels.name, "lstm, gru or rnn => a loop over the steps, unless a kernel is faster"
    )
    yield from _patterns(InteractionKernels.name, interaction_kernels.PATTERNS)
    yield _of_pass(PackedProducts.name, "matmul(a, unpack_weights(w)) of few rows => packed_matmul(a, w)")
    yield _of_pass(UnpackOnce.name, "unpack_weights(constant) that no packed_matmul reads => constant")
    yield _of_pass(PredicateBranches.name, "if(c){a}{b} => where(c, a, b), where both are short")
    yield _of_pass(HorizontalContraction.name, "conv(x, v), conv(x, w) => slices of conv(x, concat(v, w))")
    yield _of_pass(DeadCodeElimination.name, "dead ops => removed", switchable=False)


def _patterns(applied_by: str, patterns: Iterable[Pattern]) -> Iterable[Rule]:
    for one in patterns:
        roots = tuple(root.name for root in one.roots)
        yield Rule(one.name, "graph", one.before_after, applied_by=applied_by, roots=roots)


def _of_pass(name: str, summary: str, switchable: bool = True) -> Rule:
    """The rule of a pass that has only one; both are called NAME."""
    return Rule(name, "graph", summary, switchable, applied_by=name)


def _fused_rules() -> Iterable[Rule]:
    for pattern in decompose_attention.PATTERNS:
        roots = tuple(root.name for root in pattern.roots)
        by = DecomposeAttention.name
        yield Rule(pattern.name, "fused", pattern.before_after, False, applied_by=by, roots=roots)
    fusion = GraphToFused.name
    for name, summary in (*CONSUMER_RULES.items(), *PRODUCER_RULES.items(), *ATTENTION_RULES.items()):
        yield Rule(name, "fused", summary, applied_by=fusion)
    yield Rule(CONTRACTION_SHUFFLE, "fused", SHUFFLES, applied_by=fusion)
    shared = "a reshape between kernels => a view of its operand's memory"
    yield Rule(VIEW, "fused", shared, switchable=False, applied_by=fusion)
    apart = "two ops that each need a kernel of their own => not fused"
    yield Rule(BOUNDARY, "fused", apart, switchable=False, applied_by=fusion)
    formed = "y = layer_norm(x), z = quantize(y), where y is read, too => one kernel that stores both"
    yield Rule(RowResults.name, "fused", formed, applied_by=RowResults.name)
    widened = "concat(slice(j, tail), y) => slice(concat(j, y), from tail)"
    yield Rule(WidenConcats.name, "fused", widened, applied_by=WidenConcats.name)


# Precision rules by name: the summary, and whether the rule can be switched off.
_PRECISION = {
    "storage-conversion": ("x needed in another type or layout => a kernel that converts it", False),
    STORE_CONVERSION: (
        "a loop whose consumer needs another type or layout => the loop stores its result so",
        True,
    ),
    LOAD_CONVERSION: (
        "conv or matmul(x stored in another type) => x is converted while it is loaded",
        True,
    ),
    IMAGE_AS_STORED: (
        "conv(x copied to channels-last, with zero channels) => conv(x), whose kernel reads any layout",
        True,
    ),
    KEPT_WIDE: ("positions, angles, masks or statistics in 16 bits => kept in f32", True),
    STORED_ALREADY: ("a cast to the type that its operand is stored in => the operand", False),
    OVERRIDE: ("an override requests another format for these ops", False),
    FALLBACK: ("a kernel runs in another format than requested", False),
}


def _precision_rules() -> Iterable[Rule]:
    for name, (summary, switchable) in _PRECISION.items():
        yield Rule(name, "precision", summary, switchable, applied_by=FusedToPrecision.name)
    yield Rule(CONTRACTION_POOL, "precision", MAXIMA_FIRST, applied_by=ContractionPool.name)
    for name, summary in FEW_ROWS.items():
        yield Rule(name, "precision", summary, applied_by=FewRows.name)


def _launch_rules() -> Iterable[Rule]:
    lowering = PrecisionToLaunch.name
    in_place = "y = concat(a, b) => the producers of a and b write them in place, as parts of y"
    yield Rule(ELIDE_CONCAT, "launch", in_place, applied_by=lowering)
    yield Rule(VIEW_SLICE, "launch", "y = slice(x) => y is read as a view of x", applied_by=lowering)
    enclosed = "z = depthwise(conv(x)), u = conv(z) => one launch, which stores u alone"
    yield Rule(ENCLOSE_DEPTHWISE, "launch", enclosed, applied_by=EncloseDepthwise.name)
    chained = (
        "y = conv or matmul(x), z = conv or matmul(y) => one launch, which multiplies y before it leaves"
    )
    yield Rule(CHAIN_CONTRACTIONS, "launch", chained, applied_by=ChainContractions.name)
    joined = "y = conv(x), z = contraction(y), perhaps in a chain => one launch, which does not store y"
    yield Rule(JOIN_BOTTLENECKS, "launch", joined, applied_by=JoinBottlenecks.name)
    apart = "rows of 24 bytes => the same rows, 32 bytes apart, which bulk copies can access"
    yield Rule(PAD_ROWS, "launch", apart, applied_by=lowering)
    grouped = "small independent launches => one launch"
    yield Rule(GROUP_LAUNCHES, "launch", grouped, applied_by=GroupLaunches.name)
    yield Rule(SPILLED, "launch", SPILLS, switchable=False)
    yield Rule(TACTICS, "launch", MEASURED_CHOICES, switchable=False)
    spread = "independent launches => different streams"
    yield Rule(CONCURRENCY, "launch", spread, applied_by=AssignStreams.name)
    yield Rule(SHARE_KERNELS, "launch", KERNELS_SHARED)


RULES: dict[str, Rule] = {rule.name: rule for rule in _table()}


def rule_named(name: str) -> Rule:
    """The rule called NAME. Raises InputError, with similar names as a hint, when there is none."""
    if name in RULES:
        return RULES[name]
    listing = "`glassrt explain --rules` lists all rules"
    hint = f"{meant}? {listing}" if (meant := _meant(name)) else listing
    raise option_error(InputError, "rule", name, f"there is no rule '{name}'", hint)


def _meant(name: str) -> str:
    """What NAME, no rule's, is close to: names of rules, or of passes that have rules; empty if to none."""
    passes = {rule.applied_by for rule in RULES.values()} - RULES.keys() - {""}
    close = difflib.get_close_matches(name.lower(), [*RULES, *sorted(passes)], 3)
    names = [f"a rule of the pass {each}" if each in passes else each for each in close]
    return f"is {' or '.join(names)} meant" if names else ""


def check_rules(names: Iterable[str]) -> None:
    """Check that every one of NAMES is a rule that can be switched off. Raises InputError otherwise."""
    for name in sorted(names):
        if not rule_named(name).switchable:
            message, hint = f"the rule '{name}' cannot be switched off", "without it no plan can be built"
            raise option_error(InputError, "rule", name, message, hint)


def all_but(names: Iterable[str]) -> frozenset[str]:
    """The rules to switch off so that only NAMES remain of the switchable ones."""
    return frozenset(rule.name for rule in RULES.values() if rule.switchable) - frozenset(names)
