"""What the values in the body of a loop are."""

from __future__ import annotations

from glassrt.compiler.simplify.recurrent_loops.body import bare, either_way, uncut
from glassrt.dialects.graph.binary import Add

from .bodies import body_of

OPS = """%one = graph.constant {value = dense<1x2xf32: 1.0, 1.0>} : tensor<1x2xf32>
        %flat = graph.reshape %s {shape = [1, 3, 2]} : tensor<1x3x2xf32>
        %turned = graph.reshape %s {shape = [2, 3]} : tensor<2x3xf32>
        %g = graph.matmul %row, %input : tensor<3x8xf32>
        %part = graph.slice %g {starts = [0, 3], sizes = [3, 4]} : tensor<3x4xf32>
        %less = graph.slice %part {starts = [0, 1], sizes = [3, 2]} : tensor<3x2xf32>
        %fewer = graph.slice %part {starts = [1, 0], sizes = [2, 4]} : tensor<2x4xf32>
        %next = graph.add %s, %less : tensor<3x2xf32>
        %seen = graph.add %m, %one : tensor<3x2xf32>"""


def test_what_depends_on_what_is_carried() -> None:
    body, named = body_of(OPS)
    known = {name for name, value in named.items() if body.depends(value)}
    assert known == {"s", "m", "flat", "turned", "next", "seen"}
    assert body.is_splat(named["one"], 1) and not body.is_splat(named["less"], 1)


def test_reshapes_that_keep_rows_are_nothing() -> None:
    _, named = body_of(OPS)
    assert bare(named["flat"]) is named["s"] and bare(named["turned"]) is named["turned"]


def test_slices_of_columns_add_up() -> None:
    _, named = body_of(OPS)
    assert uncut(named["less"]) == (named["g"], 4) and uncut(named["fewer"]) == (named["fewer"], 0)


def test_operands_of_sums_in_both_orders() -> None:
    _, named = body_of(OPS)
    assert list(either_way(named["next"], Add)) == [
        (named["s"], named["less"]),
        (named["less"], named["s"]),
    ]
    assert list(either_way(named["less"], Add)) == []
