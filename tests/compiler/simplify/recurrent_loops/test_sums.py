"""The sums of gates."""

from __future__ import annotations

import pytest
from glassrt.compiler.simplify.recurrent_loops.body import NoRecurrence
from glassrt.compiler.simplify.recurrent_loops.sums import sum_of

from .bodies import body_of

OPS = """%g = graph.matmul %row, %input : tensor<3x8xf32>
        %d = graph.matmul %s, %own : tensor<3x8xf32>
        %a = graph.add %g, %d : tensor<3x8xf32>
        %part = graph.slice %a {starts = [0, 2], sizes = [3, 2]} : tensor<3x2xf32>
        %p = graph.mul %m, %m : tensor<3x2xf32>
        %next = graph.add %p, %part : tensor<3x2xf32>
        %both = graph.concat %row, %s {axis = 1} : tensor<3x6xf32>
        %all = graph.concat %input, %own {axis = 0} : tensor<6x8xf32>
        %j = graph.matmul %both, %all : tensor<3x8xf32>
        %wide = graph.concat %j, %s {axis = 1} : tensor<3x10xf32>
        %seen = graph.slice %wide {starts = [0, 5], sizes = [3, 2]} : tensor<3x2xf32>"""


def test_a_sum_has_products_what_is_given_and_others() -> None:
    body, named = body_of(OPS)
    found = sum_of(body, named["next"], 0, 2)
    (product,), (given,), (other,) = found.products, found.given, found.others
    assert (product.value, product.weights, product.start) == (named["s"], named["own"], 2)
    assert (given.value, given.start, given.weights) == (named["g"], 2, None)
    assert other.value is named["p"]


def test_a_product_of_joined_values_is_a_product_each() -> None:
    body, named = body_of(OPS)
    found = sum_of(body, named["seen"], 0, 2)
    (product,), (given,) = found.products, found.given
    assert (product.value, product.weights, product.row, product.start) == (named["s"], named["all"], 4, 5)
    assert (given.value, given.weights, given.row, given.start) == (named["row"], named["all"], 0, 5)


def test_columns_of_two_parts_are_no_sum() -> None:
    body, named = body_of(OPS)
    with pytest.raises(NoRecurrence):
        sum_of(body, named["wide"], 7, 2)
