"""Launches as one where nothing between is stored: what a kind of them says, and what forbids it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.schedule.enclosing.enclose_depthwise import INVERTED_RESIDUALS
from glassrt.compiler.schedule.enclosing.enclosing import EnclosingKind, enclosed
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.launch import kernels_in

from .networks import inverted, launched

KIND = replace(INVERTED_RESIDUALS, rule="a-kind", nothing="there is none")
APART = frozenset({INVERTED_RESIDUALS.rule, "group-launches"})


def joined(kind: EnclosingKind, **switches: Any) -> tuple[int, PassContext]:
    """How many launches KIND makes fewer, and what was recorded."""
    module, _ = launched(inverted(32, 56), disabled=APART)
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"), **switches)
    before = len(list(kernels_in(module.main.block)))
    made = enclosed(module, kind, REFERENCE, context)
    return before - len(list(kernels_in(made.main.block))), context


def test_records_are_those_of_the_kind() -> None:
    fewer, context = joined(KIND)
    assert fewer == 2 and [record.rule for record in context.ledger if record.rule == "a-kind"]


def test_rules_are_switched_off_by_name() -> None:
    fewer, context = joined(KIND, disabled=frozenset({"a-kind"}))
    assert fewer == 0 and {record.verdict for record in context.ledger} == {Verdict.DISABLED}


def test_without_a_family_there_is_nothing_to_do() -> None:
    fewer, context = joined(replace(KIND, able=lambda family: False))
    assert fewer == 0 and not list(context.ledger)


def test_why_there_is_no_kernel_is_the_kind_s_to_say() -> None:
    fewer, context = joined(replace(KIND, able=lambda family: family.chains))
    assert fewer == 0 and {record.reason for record in context.ledger} == {"there is none"}
