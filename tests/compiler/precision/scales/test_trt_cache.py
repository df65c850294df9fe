"""TensorRT's calibration caches: read as others write them, and written as others read them."""

from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from glassrt import CalibrationError, CalibrationTable
from glassrt.compiler.precision.scales.table import TensorCalibration
from glassrt.compiler.precision.scales.trt_cache import HEADER, TrtCache
from hypothesis import given
from hypothesis import strategies as st

# As in the report NVIDIA/TensorRT#2958, and a name of the kind that PyTorch exports.
REAL = """TRT-8205-EntropyCalibration2
input: 3b810a13
input.1: 3c96d93c
onnx::Conv_329: 3c96d93c
(Unnamed Layer* 22) [Constant]_output: 3a4b050c
"""


def test_a_cache_that_tensorrt_wrote_is_read() -> None:
    cache = TrtCache.parse(REAL)
    assert list(cache.scales) == [
        "input",
        "input.1",
        "onnx::Conv_329",
        "(Unnamed Layer* 22) [Constant]_output",
    ]
    # The scale of an input in [-0.5, 0.5], or nearly so.
    assert cache.scales["input"] * 127 == pytest.approx(0.5, rel=2e-2)
    assert cache.text == REAL


def test_a_table_is_made_of_it_and_gives_it_back() -> None:
    table = CalibrationTable.from_trt_cache(REAL, "model")
    assert table["input.1"].clip == pytest.approx(127 * 0.0184141, rel=1e-5)
    assert table.calibrator == "entropy" and table["input"].chosen_by == "given"
    assert table.to_trt_cache() == REAL.replace("TRT-8205", "TRT-8601")
    assert CalibrationTable.parse(table.text) == table
    assert CalibrationTable.from_trt_cache(REAL.replace("Entropy", "MinMax"), "m").calibrator == "min-max"


def test_the_digits_are_the_bits_of_the_scale_from_the_most_significant_on() -> None:
    table = CalibrationTable("m", "entropy", 1, {"x": TensorCalibration(127.0), "y": TensorCalibration(0.0)})
    assert table.to_trt_cache() == f"{HEADER}\nx: 3f800000\ny: 3f800000\n"


names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=10)
scales = st.floats(2.0**-126, 2.0**120, width=32)


@given(st.dictionaries(names, scales, max_size=5))
def test_any_cache_reads_back(entries: dict[str, float]) -> None:
    cache = TrtCache({name: np.float32(scale) for name, scale in entries.items()})
    assert TrtCache.parse(cache.text) == cache
    for line, scale in zip(cache.text.splitlines()[1:], entries.values(), strict=True):
        assert int(line[-8:], 16) == struct.unpack("<I", struct.pack("<f", scale))[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: a header such as TRT-"),
        ("x: 3f800000\n", "line 1: a header"),
        (f"{HEADER}\nx 3f800000\n", "line 2: a name, a colon"),
        (f"{HEADER}\nx: 3f80000000\n", "line 2: a name, a colon"),
        (f"{HEADER}\n: 3f800000\n", "line 2: a name, a colon"),
        (f"{HEADER}\n\nx: zz\n", "line 3: a name, a colon"),
        (f"{HEADER}\nx: 3f800000\nx: 3f800000\n", "line 3: the tensor 'x' is listed twice"),
        (f"{HEADER}\nx: bf800000\n", "line 2: the scale of 'x' is -1.0"),
        (f"{HEADER}\nx: 7f800000\n", "line 2: the scale of 'x' is inf"),
        (f"{HEADER}\nx: 7fc00000\n", "line 2: the scale of 'x' is nan"),
    ],
)
def test_what_is_wrong_with_a_cache_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        TrtCache.parse(text)
    span = caught.value.diagnostic.span
    assert span is not None and f"line {span.line}: {caught.value.message}".startswith(message)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for content in (text, f"{HEADER}\n{text}"):
        with suppress(CalibrationError):
            TrtCache.parse(content)


@pytest.mark.parametrize("name", ["", "a\nb", " x"])
def test_a_name_that_a_cache_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(CalibrationError, match="cannot hold the tensor name"):
        assert TrtCache({name: np.float32(1)}).text
