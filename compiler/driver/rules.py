"""The names of all rules that leave records in the ledger, with what each does, in a line.

Switchable ones may be given to `--disable-rule`; the others are no choice: without them there
would be no kernel.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import InputError
from ..frontend.functions import STANDARD_BODY
from ..frontend.functions import SUMMARY as STANDARD_BODIES
from ..fusion.horizontal.concats import WidenConcats
from ..fusion.horizontal.contractions import HorizontalContraction
from ..fusion.vertical.attention_layouts import ATTENTION_RULES
from ..fusion.vertical.consumers import CONSUMER_RULES
from ..fusion.vertical.producers import PRODUCER_RULES
from ..fusion.vertical.record import BOUNDARY, ELIDE_CONCAT, VIEW, VIEW_SLICE
from ..fusion.vertical.shuffles import RULE as CONTRACTION_SHUFFLE
from ..fusion.vertical.shuffles import SUMMARY as SHUFFLES
from ..precision.formats.mismatch import FALLBACK
from ..precision.formats.override_records import OVERRIDE
from ..precision.formats.placement import STORE_CONVERSION, STORED_ALREADY
from ..precision.formats.rounding import LOAD_CONVERSION
from ..precision.mixtures import SUMMARIES
from ..precision.narrowing.decisions import KEPT_WIDE
from ..precision.quantization import integer_arithmetic, propagate
from ..precision.quantization.insert import InsertQuantization
from ..precision.quantization.picked import KEPT
from ..precision.quantization.recentre import RecentreZeroPoints
from ..precision.quantization.spread import DequantizeWhereRead
from ..schedule.grouping.record import GROUP_LAUNCHES
from ..schedule.streams.assign import CONCURRENCY
from ..simplify import canonicalize, decompose_attention, fold_batch_norm, recognize
from ..simplify.cse import CommonSubexpressions
from ..simplify.dce import DeadCodeElimination
from ..simplify.fold_constants import FoldConstants
from .size_records import SUMMARIES as SIZE_RULES


@dataclass(frozen=True)
class Rule:
    """A rule by name: its level (`graph`, `fused`, `precision`, `launch`), and what it does."""

    name: str
    level: str
    summary: str
    switchable: bool = True


def _table() -> Iterable[Rule]:
    for name, summary in SIZE_RULES.items():
        yield Rule(name, "graph", summary, switchable=False)
    yield Rule(STANDARD_BODY, "graph", STANDARD_BODIES, switchable=False)
    yield Rule(FoldConstants.name, "graph", "ops on constants => constants")
    for pattern in (*canonicalize.RULES, *recognize.RULES, *fold_batch_norm.RULES):
        yield Rule(pattern.name, "graph", pattern.before_after)
    for pattern in propagate.RULES:
        yield Rule(pattern.name, "graph", pattern.before_after)
    yield Rule(CommonSubexpressions.name, "graph", "equal ops on equal operands => one op")
    yield Rule(
        InsertQuantization.name, "graph", "conv(x, w) => conv of x and w as they are stored in eight bits"
    )
    yield Rule(RecentreZeroPoints.name, "graph", "quantize(x, zero -128) : i8 => quantize(x, zero 0) : u8")
    for pattern in (*integer_arithmetic.RULES, *integer_arithmetic.LEFT_OVER):
        yield Rule(pattern.name, "graph", pattern.before_after)
    yield Rule(DequantizeWhereRead.name, "graph", "f(y), g(y) of y = dequantize(q) => both dequantize q")
    yield Rule(
        HorizontalContraction.name, "graph", "conv(x, v), conv(x, w) => slices of conv(x, concat(v, w))"
    )
    yield Rule(DeadCodeElimination.name, "graph", "ops that nothing needs => nothing", switchable=False)
    for pattern in decompose_attention.RULES:
        yield Rule(pattern.name, "fused", pattern.before_after, switchable=False)
    for name, summary in (*CONSUMER_RULES.items(), *PRODUCER_RULES.items()):
        yield Rule(name, "fused", summary)
    for name, summary in ATTENTION_RULES.items():
        yield Rule(name, "fused", summary)
    yield Rule(CONTRACTION_SHUFFLE, "fused", SHUFFLES)
    yield Rule(VIEW, "fused", "reshapes between kernels share the memory of what they read", switchable=False)
    yield Rule(BOUNDARY, "fused", "two ops that each lead a kernel stay apart", switchable=False)
    yield Rule(WidenConcats.name, "fused", "concat(slice(j, tail), y) => slice(concat(j, y), from tail)")
    yield Rule(
        "storage-conversion", "precision", "a kernel that copies to another type or layout", switchable=False
    )
    yield Rule(
        STORE_CONVERSION,
        "precision",
        "a loop whose result is wanted in another type or layout => the loop stores it so",
    )
    yield Rule(
        LOAD_CONVERSION,
        "precision",
        "conv or matmul(x stored in another type) => x is converted while it is loaded",
    )
    yield Rule(
        KEPT_WIDE,
        "precision",
        "positions, angles, masks, statistics stored or multiplied in 16 bits => in f32",
    )
    yield Rule(
        STORED_ALREADY, "precision", "a cast to how its operand is stored => its operand", switchable=False
    )
    yield Rule(KEPT, "graph", "a tensor with elements of another keeps the other's scale", switchable=False)
    for name, summary in SUMMARIES.items():
        yield Rule(name, "precision", summary, switchable=False)
    yield Rule(OVERRIDE, "precision", "an override asks for another format of these ops", switchable=False)
    yield Rule(FALLBACK, "precision", "a kernel runs in another precision than asked for", switchable=False)
    yield Rule(ELIDE_CONCAT, "launch", "y = concat(a, b) => a and b are written where they lie in y")
    yield Rule(VIEW_SLICE, "launch", "y = slice(x) => y is read where it lies in x")
    yield Rule(GROUP_LAUNCHES, "launch", "small launches that need nothing of each other => one launch")
    yield Rule(CONCURRENCY, "launch", "launches that need nothing of each other => different streams")


RULES: dict[str, Rule] = {rule.name: rule for rule in _table()}


def check_rules(names: Iterable[str]) -> None:
    """InputError for a name of no rule, or of one that cannot be switched off."""
    for name in sorted(names):
        rule = RULES.get(name)
        if rule is None:
            close = difflib.get_close_matches(name, RULES, 3)
            listing = "`glassrt explain --rules` lists all rules"
            hint = f"is {' or '.join(close)} meant? {listing}" if close else listing
            raise InputError(f"there is no rule '{name}'", hint)
        if not rule.switchable:
            raise InputError(f"the rule '{name}' cannot be switched off", "without it no plan can be built")
