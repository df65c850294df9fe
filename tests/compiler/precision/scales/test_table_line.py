"""The words of a line of a calibration table, and where an error is located."""

from __future__ import annotations

import pytest
from glassrt.compiler.precision.scales.table_line import TableLine
from glassrt.errors import CalibrationError


def test_words_are_read_in_order_and_comments_left_out() -> None:
    line = TableLine("t", 3, '  clip 0.1 "a b"  # of no weight')
    assert line.after("clip", line.float32, 0.0, 1.0) == pytest.approx(0.1)
    assert line.string("a name") == "a b"
    line.end()
    assert not TableLine("t", 4, "  # nothing")


def test_an_error_is_located_at_the_last_word_read() -> None:
    line = TableLine("t", 3, "batches twelve")
    line.word("a word")
    with pytest.raises(CalibrationError, match="batches is a whole number, not 'twelve'") as caught:
        line.integer("batches")
    span = caught.value.diagnostic.span
    assert span is not None and (span.line, span.column, span.length) == (3, 9, 6)
