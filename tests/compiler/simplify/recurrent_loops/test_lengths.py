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
