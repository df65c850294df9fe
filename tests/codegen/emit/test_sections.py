"""Sections: where statements stand, what is known in them, and predicates of loads."""

from __future__ import annotations

from glassrt.codegen.emit.sections import Guard, Section, SectionTerm
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.expr import Const

ONE = Const(1.0, F32)


def test_statements_stand_before_in_and_after_the_loop_over_lanes() -> None:
    section = Section(4)
    section.after("store();")
    section.write("b[lane] = a;", varying=True)
    section.write("a = 1;", varying=False)
    section.open("for (;;) {")
    section.write_all(["c = 2;"], varying=False)
    section.close()
    loop = ["GLASS_UNROLL", "for (int lane = 0; lane < 4; ++lane) {", "    b[lane] = a;", "}"]
    assert section.finished(4) == ["a = 1;", "for (;;) {", "    c = 2;", "}", *loop, "store();"]


def test_a_single_lane_has_no_loop() -> None:
    section = Section(1)
    section.write("b = a;", varying=True)
    assert section.finished(1) == ["b = a;"]


def test_what_is_computed_under_a_guard_is_known_only_there() -> None:
    section = Section(4)
    assert section.find(ONE) is None
    with section.guarded(Guard("p")):
        section.remember(ONE, SectionTerm("x"))
        assert section.find(ONE) == SectionTerm("x")
    assert section.find(ONE) is None
    section.remember(ONE, SectionTerm("y"))
    assert section.find(ONE) == SectionTerm("y") and section.find(Const(1.0, F32)) is None


def test_guards_are_joined_each_once() -> None:
    section = Section(4)
    assert section.guard() == Guard() and section.guard().applied("a", "0") == "a"
    with section.guarded(Guard("p")):
        assert section.guard().applied("a", "0") == "p ? a : 0"
        with section.guarded(Guard("q", varying=True)), section.guarded(Guard("p")):
            assert section.guard() == Guard("(p && q)", varying=True)
        assert section.guard() == Guard("p")
    assert section.guard() == Guard()


def test_the_body_of_a_loop_knows_what_its_head_knows() -> None:
    """The names in the loop over lanes are out of reach there; elements of a vector are not."""
    section, own, vector = Section(4), Const(2.0, F32), Const(3.0, F32)
    section.remember(ONE, SectionTerm("a"))
    section.remember(own, SectionTerm("b", varying=True))
    section.remember(vector, SectionTerm.lane_of("v"))
    with section.guarded(Guard("p")):
        child = section.child()
    assert child.find(ONE) == SectionTerm("a") and child.find(own) is None
    assert child.find(vector) == SectionTerm("v[lane]", True, "v") and child.guard() == Guard("p")
    child.remember(own, SectionTerm("c"))
    assert section.find(own) == SectionTerm("b", varying=True)
