"""What is said of precisions, overrides, sizes and calibration tables that mean nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from glassrt import CalibrationTable, GlassError, PrecisionPolicy
from glassrt.compiler.precision.scales.trt_cache import TrtCache
from glassrt.compiler.settings.policy import Override
from glassrt.dialects.core.parser import parse_size

from .support import shown

TABLE = 'format 1\nmodel "0123"\ncalibrator entropy\nbatches 2\ntensor "x"\n  scale 0.5  # given\n'

CASES: dict[str, Callable[[], object]] = {
    "an_unknown_precision": lambda: PrecisionPolicy("fp12"),
    "an_override_of_an_unknown_op": lambda: Override.parse("op:sofmax=fp32"),
    "an_override_without_a_format": lambda: Override.parse("op:softmax"),
    "an_override_of_nothing": lambda: Override.parse("layer:x=fp32"),
    "an_unknown_type_of_an_input": lambda: PrecisionPolicy("fp16", io="int4"),
    "a_size_with_an_unknown_operator": lambda: parse_size("2*h/3"),
    "a_size_that_is_no_number": lambda: parse_size("h + true"),
    "a_table_with_a_word_for_a_number": lambda: CalibrationTable.parse(TABLE.replace("2", "two"), "t.table"),
    "a_table_that_stops_in_a_line": lambda: CalibrationTable.parse(TABLE.replace("0.5", ""), "t.table"),
    "a_table_with_an_open_string": lambda: CalibrationTable.parse(TABLE.replace('x"', "x"), "t.table"),
    "a_table_without_a_scale": lambda: CalibrationTable.parse(TABLE.replace("  scale", "# scale"), "t.table"),
    "a_cache_with_a_damaged_line": lambda: TrtCache.parse("TRT-8501-EntropyCalibration2\n  x: 3g8\n"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_means_nothing_is_explained(case: str, golden: str) -> None:
    with pytest.raises(GlassError) as caught:
        CASES[case]()
    assert shown(caught.value) == golden
