"""By what loops keep the states of sequences that have ended."""

from __future__ import annotations

import pytest
from glassrt.compiler.simplify.recurrent_loops.lengths import live_of

from .bodies import body_of

OPS = """%ends = graph.constant {{value = dense<3x1xi64: 4, 9, 2>}} : tensor<3x1xi64>
        %none = graph.constant {{value = dense<i64: 0>}} : tensor<i64>
        %left = graph.sub %ends, %i : tensor<3x1xi64>
        %test = graph.{test} : tensor<3x1xbool>
        %new = graph.neg %s : tensor<3x2xf32>
        %next = graph.where %test, %new, %s : tensor<3x2xf32>
        %seen = graph.neg %m : tensor<3x2xf32>"""


@pytest.mark.parametrize(
    ("test", "ended"),
    [
        ("less %i, %ends", False),
        ("greater %ends, %i", False),
        ("greater_equal %i, %ends", True),
        ("less_equal %ends, %i", True),
        ("less %none, %left", False),
        ("greater %left, %none", False),
    ],
)
def test_comparisons_of_a_step_and_lengths(test: str, ended: bool) -> None:
    body, named = body_of(OPS.format(test=test))
    live = live_of(body, named["next"])
    assert live is not None and (live.lengths, live.ended) == (named["ends"], ended)
    assert live.chosen(named["next"]) == ((named["s"], named["new"]) if ended else (named["new"], named["s"]))
    assert live.chosen(named["seen"]) is None


@pytest.mark.parametrize("test", ["less_equal %i, %ends", "less %ends, %i", "less %none, %ends"])
def test_other_comparisons_tell_no_lengths(test: str) -> None:
    body, named = body_of(OPS.format(test=test))
    assert live_of(body, named["next"]) is None


@pytest.mark.parametrize(
    "ops",
    [
        OPS.format(test="less %none, %left").replace("i64", "u64"),  # what is left wraps
        OPS.replace("%test =", "%few = graph.cast %i {{to = i8}} : tensor<i8>\n%test =").format(
            test="less %few, %ends"
        ),
    ],
    ids=["unsigned", "narrow"],
)
def test_numbers_that_may_wrap_tell_no_lengths(ops: str) -> None:
    body, named = body_of(ops)
    assert live_of(body, named["next"]) is None


def test_choices_of_columns_are_no_ends_of_sequences() -> None:
    ops = OPS.replace("3x1x", "2x").replace("4, 9, 2", "4, 9").format(test="less %i, %ends")
    body, named = body_of(ops)
    live = live_of(body, named["next"])
    assert live is None or live.chosen(named["next"]) is None
