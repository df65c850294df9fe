"""The text of calibration tables: what it says, what is read from it, and how faults are named."""

from __future__ import annotations

import re
from contextlib import suppress

import numpy as np
import pytest
from glassrt import CalibrationError, CalibrationTable
from glassrt.compiler.precision.scales.calibrators import Estimate
from glassrt.compiler.precision.scales.table_text import (
    MOST_SCALE,
    TableText,
    TableValues,
    TensorText,
    parse_text,
    print_text,
)
from hypothesis import given
from hypothesis import strategies as st

MODEL = "0123456789abcdef"

GOOD = f"""format 1
model "{MODEL}"
calibrator entropy
batches 2
tensor "x"
  scale 0.5
  values 4 zeros 0 nan 0 infinite 0 min -1.0 max 2
  min-max clip 2.0 clipped 0 int8 40.0 fp8 inf
"""

VALUES, ROW = "values 0 zeros 0 nan 0 infinite 0 min 0 max 0", "min-max clip 1 clipped 0 int8 1 fp8 1"
BAD = {
    "no string": ('"x"', "x", r"line 5: the tensor's name is expected in double quotes, not 'x'"),
    "open string": ('tensor "x"', 'tensor "x', "line 5: a string is not closed"),
    "bad escape": ('tensor "x"', r'tensor "\q"', "line 5: the tensor's name is expected in double quotes"),
    "surrogate": ('tensor "x"', r'tensor "\ud800"', "line 5: the tensor's name is expected"),
    "empty name": ('tensor "x"', 'tensor ""', "line 5: the tensor's name is expected"),
    "twice": ('tensor "x"', 'tensor "x"\n scale 1\ntensor "x"', "line 7: the tensor 'x' is listed twice"),
    "two scales": ("scale 0.5", "scale 0.5\nscale 0.25", "line 7: the scale of 'x' is given twice"),
    "no scale": ("  scale 0.5\n", "", "t.table: the tensor 'x' has no scale"),
    "zero": ("scale 0.5", "scale 0", "line 6: the scale of 'x' is a number or a calibrator, not '0'"),
    "negative": ("scale 0.5", "scale -0.5", "line 6: the scale of 'x'"),
    "nan": ("scale 0.5", "scale nan", "line 6: the scale of 'x'"),
    "infinite": ("scale 0.5", "scale inf", "line 6: the scale of 'x'"),
    "underscore": ("scale 0.5", "scale 1_0", "line 6: the scale of 'x'"),
    "too large": ("scale 0.5", f"scale {2 * MOST_SCALE}", "line 6: the scale of 'x'"),
    "digits": ("scale 0.5", "scale 1e99999", "line 6: the scale of 'x'"),
    "unlisted": ("scale 0.5", "scale mse", "line 6: 'mse' is not listed for 'x'"),
    "more": ("scale 0.5", "scale 0.5 0.25", "line 6: '0.25' is not expected here"),
    "less": ("scale 0.5", "scale", "line 6: the scale is missing"),
    "values twice": ("  values", VALUES + "\n values", "line 8: the values"),
    "no count": ("values 4", "values four", "line 7: the number of elements is a whole number, not 'four'"),
    "key": ("zeros 0", "zeroes 0", "line 7: 'zeros' is expected, not 'zeroes'"),
    "cut": ("max 2\n", "max\n", "line 7: max is missing"),
    "row": ("min-max clip", "max clip", "line 8: 'max' is not a calibrator"),
    "factors twice": ('tensor "x"', 'smooth "x" 1\nsmooth "x" 1\ntensor "x"', "line 6: the factors of 'x'"),
    "half a power": ('tensor "x"', 'smooth "x" 0.5\ntensor "x"', "line 5: factors are powers of two"),
    "a large power": ('tensor "x"', 'smooth "x" 99\ntensor "x"', "line 5: an exponent of two is 99"),
    "row twice": ("  min-max", ROW + "\n  min-max", "line 9: 'min-max' is given"),
    "share": ("clipped 0", "clipped 1.5", "line 8: clipped is 1.5; it lies between 0 and 1"),
    "clip": ("clip 2.0", "clip -2.0", "line 8: clip is -2.0"),
    "format": ("format 1", "format 2", "line 1: the table has format 2; this version reads 1"),
    "no format": ("format 1\n", "", "t.table: the line 'format' is missing"),
    "no model": (f'model "{MODEL}"\n', "", "t.table: the line 'model' is missing"),
    "calibrator": ("calibrator entropy", "calibrator kl", "line 3: 'kl' is not a calibrator"),
    "header twice": ("batches 2", "batches 2\nbatches 3", "line 5: 'batches' is given twice"),
    "batches": ("batches 2", "batches -2", "line 4: batches is a whole number, not '-2'"),
    "header": ("batches 2", "batches 2\nbatch 3", "line 5: 'batch' is not known"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_what_is_wrong_is_said_with_its_line(fault: str) -> None:
    old, new, message = BAD[fault]
    assert GOOD.count(old) == 1 and CalibrationTable.parse(GOOD)["x"].chosen_by == "given"
    with pytest.raises(CalibrationError) as caught:
        CalibrationTable.parse(GOOD.replace(old, new), "t.table")
    span = caught.value.diagnostic.span
    assert re.match(message, f"line {span.line}: {caught.value.message}" if span else caught.value.message)
    assert "t.table" in str(caught.value)


@given(st.text() | st.lists(st.sampled_from(re.findall(r"\S+|\n", GOOD)), max_size=40).map(" ".join))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with suppress(CalibrationError):
        CalibrationTable.parse(text)


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_no_change_of_a_character_does_more_than_be_refused(place: int, character: str) -> None:
    with suppress(CalibrationError):
        CalibrationTable.parse(GOOD[:place] + character + GOOD[place + 1 :])


def test_what_is_read_is_what_the_text_says() -> None:
    table = parse_text(GOOD, "t.table")
    assert (table.model, table.calibrator, table.batches) == (MODEL, "entropy", 2)
    (tensor,) = table.tensors.values()
    assert tensor.scale == 0.5 and tensor.values is not None
    assert tensor.values.count == 4 and tensor.values.maximum == 2
    row = tensor.estimates["min-max"]
    assert (row.clip, row.clipped) == (2.0, 0.0)


def test_factors_of_channels_are_exponents() -> None:
    text = GOOD.replace('tensor "x"', 'smooth "a b" 0 -2 7\ntensor "x"')
    read = parse_text(text, "t.table")
    assert read.smoothing["a b"].tolist() == [0, -2, 7]
    assert '\nsmooth "a b" 0 -2 7\n' in print_text(read)
    assert CalibrationTable.parse(text).smoothing.keys() == {"a b"}


def test_the_scale_may_be_the_name_of_a_calibrator_that_is_listed() -> None:
    (tensor,) = parse_text(GOOD.replace("scale 0.5", "scale min-max"), "t.table").tensors.values()
    assert tensor.scale == "min-max"


def test_numbers_are_written_in_the_fewest_digits_that_give_them_again() -> None:
    third = float(np.float32(1 / 3))
    values = TableValues(3, 1, 0, 0, -third, third)
    entry = TensorText(third, "entropy", values, {"entropy": Estimate(third, 0.25, 38.125, 31.0)})
    text = print_text(TableText(MODEL, "entropy", 2, {'a "b"\n': entry}))
    assert 'tensor "a \\"b\\"\\n"\n  scale 0.33333334  # entropy\n' in text
    assert "  values 3 zeros 1 nan 0 infinite 0 min -0.33333334 max 0.33333334\n" in text
    assert re.search(r"  entropy +clip 0\.33333334 +clipped 0\.25 +int8 38\.125 +fp8 31\.0\n", text)
    again = parse_text(text, "t.table").tensors['a "b"\n']
    assert np.float32(again.scale) == np.float32(third)
    assert (again.values, again.estimates) == (values, entry.estimates)
