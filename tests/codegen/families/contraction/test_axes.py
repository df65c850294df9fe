"""Axes of rows and of the batch, merged where one stride covers both."""

from __future__ import annotations

from glassrt.codegen.families.contraction.axes import (
    NO_WINDOW,
    BatchAxis,
    RowAxis,
    merged_batch,
    merged_rows,
)
from glassrt.dialects.core.affine import symbol

N = symbol("N")


def test_rows_that_follow_each_other_are_one_axis() -> None:
    rows = [RowAxis(N, 60, label="image"), RowAxis(3, 20, label="y"), RowAxis(4, 5, label="x")]
    assert merged_rows(rows) == (RowAxis(N * 12, 5, label="image_y_x"),)


def test_rows_with_a_gap_between_them_stay_apart() -> None:
    rows = (RowAxis(3, 32), RowAxis(4, 5))
    assert merged_rows(rows) == rows


def test_a_window_keeps_its_axis() -> None:
    rows = (RowAxis(3, 20), RowAxis(4, 5, NO_WINDOW))
    assert merged_rows(rows) == rows
    assert merged_rows([RowAxis(1, 7, NO_WINDOW)]) == (RowAxis(1, 7, NO_WINDOW),)


def test_axes_of_one_position_go_but_for_the_last() -> None:
    assert merged_rows([RowAxis(1, 7), RowAxis(4, 5), RowAxis(1, 3)]) == (RowAxis(4, 5),)
    assert merged_rows([RowAxis(1, 7)]) == (RowAxis(1, 0),)
    assert merged_batch([BatchAxis(1, 7, 9)]) == ()


def test_the_batch_is_merged_where_both_operands_run_on() -> None:
    both = [BatchAxis(2, 12, 24), BatchAxis(3, 4, 8)]
    assert merged_batch(both) == (BatchAxis(6, 4, 8),)
    one = (BatchAxis(2, 12, 0), BatchAxis(3, 4, 8))
    assert merged_batch(one) == one
