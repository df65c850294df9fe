"""Which masks of attention leave out padding and nothing else."""

from __future__ import annotations

import pytest
from glassrt.errors import UnsupportedError

from .encoders import X, parsed, unpadded

AGAIN = """
    %g = graph.attention %h, %h, %h, MASK {scale = 0.5} : tensor<Nx2xSx3xf32> loc("again")
    %g1 = graph.transpose %g {perm = [0, 2, 1, 3]} : tensor<NxSx2x3xf32>
    %y = graph.reshape %g1 {shape = [N, S, 6]} : tensor<NxSx6xf32>
"""
WIDE = "%w = graph.reshape %m {shape = [N, 1, 1, S]} : tensor<Nx1x1xSxf32>\n"
FULL = "%e = graph.expand %mask {shape = [N, 1, S, S]} : tensor<Nx1xSxSxf32>\n"
CONDITION = WIDE + "%b = graph.cast %w {to = bool} : tensor<Nx1x1xSxbool>\n"


@pytest.mark.parametrize(
    ("made", "mask"),
    [
        ("", "%mask"),
        (FULL, "%e"),
        (CONDITION, "%b"),
        (
            CONDITION + "%o = graph.not %b : tensor<Nx1x1xSxbool>\n"
            "%zero = graph.constant {value = dense<f32: 0.0>} : tensor<f32>\n"
            "%f = graph.where %o, %low, %zero : tensor<Nx1x1xSxf32>\n",
            "%f",
        ),
        (
            "%k = graph.transpose %m {perm = [1, 0]} : tensor<SxNxf32>\n"
            "%l = graph.transpose %k {perm = [1, 0]} : tensor<NxSxf32>\n"
            "%w = graph.reshape %l {shape = [N, 1, 1, S]} : tensor<Nx1x1xSxf32>\n"
            "%b = graph.cast %w {to = bool} : tensor<Nx1x1xSxbool>\n",
            "%b",
        ),
    ],
)
def test_functions_of_the_mask_that_leave_out_padding(made: str, mask: str) -> None:
    module = unpadded(parsed(made + AGAIN.replace("MASK", mask)))
    assert [op.name for op in module.walk()].count("graph.unpadded_attention") == 1  # the first is dead


@pytest.mark.parametrize(
    ("made", "mask"),
    [
        ("", "_"),
        (CONDITION + "%o = graph.not %b : tensor<Nx1x1xSxbool>\n", "%o"),  # keeps padding
        (WIDE, "%w"),  # adds 1 to tokens
        ("%s = graph.reshape %m {shape = [N, 1, S, 1]} : tensor<Nx1xSx1xf32>\n", "%s"),  # of queries
        ("%s = graph.reshape %m1 {shape = [N, 1, S, 1]} : tensor<Nx1xSx1xf32>\n", "%s"),
        (  # weak: -2 for padding
            WIDE
            + "%v = graph.sub %w, %one : tensor<Nx1x1xSxf32>\n%u = graph.add %v, %v : tensor<Nx1x1xSxf32>\n",
            "%u",
        ),
        (  # of the scores, too
            "%q = graph.matmul %h, %h {transpose_b = true} : tensor<Nx2xSxSxf32>\n"
            "%u = graph.add %q, %mask : tensor<Nx2xSxSxf32>\n",
            "%u",
        ),
    ],
)
def test_other_masks_are_refused(made: str, mask: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        unpadded(parsed(made + AGAIN.replace("MASK", mask)))
    assert caught.value.diagnostic.level == "graph" and caught.value.hint


def test_a_numbers_mask_of_integers_counts_as_it_is_cast() -> None:
    body = (
        "%c = graph.cast %m {to = i64} : tensor<NxSxi64>\n%d = graph.cast %c {to = f32} : tensor<NxSxf32>\n"
    )
    body += "%e = graph.sub %one, %d : tensor<NxSxf32>\n%f = graph.mul %e, %low : tensor<NxSxf32>\n"
    body += "%w = graph.reshape %f {shape = [N, 1, 1, S]} : tensor<Nx1x1xSxf32>\n"
    unpadded(parsed(body + AGAIN.replace("MASK", "%w"), X))
