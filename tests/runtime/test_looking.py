"""What plans are at a prompt: a line, not their bytes."""

from __future__ import annotations

from .tiny_plans import affine_plan


def test_a_plan_at_a_prompt_is_a_line() -> None:
    plan = affine_plan()
    assert len(repr(plan)) < 400 and "\n" not in repr(plan)
    assert plan.spec.name in repr(plan) and "launches" in repr(plan)
    assert str(plan) == repr(plan)


def test_a_plan_shows_and_explains_itself() -> None:
    assert "launches" in str(affine_plan().inspect())
