"""Tactics: what they are for, and how they are named."""

from __future__ import annotations

from glassrt.codegen.interface import Candidate
from glassrt.compiler.settings.tactics import GoneTacticError, Tactic, choice_text

TACTIC = Tactic("mma", {"block_m": 64, "block_k": 32}, 1.5, 2.0, 4)


def test_a_tactic_is_of_the_candidate_with_its_family_and_configuration() -> None:
    assert TACTIC.is_of(Candidate("mma", {"block_k": 32, "block_m": 64}, 9.0))
    assert not TACTIC.is_of(Candidate("mma", {"block_k": 32, "block_m": 32}, 9.0))
    assert not TACTIC.is_of(Candidate("simt", {"block_k": 32, "block_m": 64}, 9.0))


def test_its_text_is_sorted_and_its_origin_said() -> None:
    assert TACTIC.choice == choice_text("mma", TACTIC.config) == "mma block_k=32 block_m=64"
    assert TACTIC.origin == "locked" and Tactic("mma", {}, 1.0, 1.0, 2, here=True).origin == "tuned"


def test_one_that_is_gone_is_named_with_what_to_do() -> None:
    error = GoneTacticError("conv_12", TACTIC)
    assert error.signature == "conv_12" and "mma block_k=32 block_m=64" in error.message
    assert error.hint is not None and "--tune" in error.hint
