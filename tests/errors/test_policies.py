"""What is said of options and arguments that mean nothing, and of calibration tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import typer
from glassrt import CalibrationTable, GlassError, PrecisionPolicy
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.cli.option_texts import (
    parse_inputs,
    parse_io,
    parse_pairs,
    parse_ranges,
    parse_sizes,
)
from glassrt.compiler.driver.interface import check_overrides
from glassrt.compiler.driver.rules import check_rules
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.ledger import Origin
from glassrt.compiler.passes.origins import NodeNames
from glassrt.compiler.precision.scales.trt_cache import TrtCache
from glassrt.compiler.settings.policy import Override
from glassrt.dialects.core.parser import parse_size
from onnx import TensorProto, helper

from .support import shown

TABLE = 'format 1\nmodel "0123"\ncalibrator entropy\nbatches 2\ntensor "x"\n  scale 0.5  # given\n'

NAMES = NodeNames([Origin("conv", ("graph.conv",))], ["x"])


def imported(**options: Any) -> object:
    """A model with an input x of [N, 4], with OPTIONS of the import."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
    node = helper.make_node("Relu", ["x"], ["y"], name="relu")
    graph = helper.make_graph([node], "g", [x], [helper.make_empty_tensor_value_info("y")])
    opsets = [helper.make_opsetid("", 18)]
    return import_model(helper.make_model(graph, opset_imports=opsets, ir_version=9), **options)


CASES: dict[str, Callable[[], object]] = {
    "an_unknown_precision": lambda: PrecisionPolicy("fp12"),
    "an_override_of_an_unknown_op": lambda: Override.parse("op:sofmax=fp32"),
    "an_override_without_a_format": lambda: Override.parse("op:softmax"),
    "an_override_of_nothing": lambda: Override.parse("layer:x=fp32"),
    "an_override_with_an_unknown_format": lambda: Override.parse("node:/layer3/*=fp12"),
    "an_override_of_a_node_that_is_not_there": lambda: check_overrides(
        PrecisionPolicy("fp16", {"node:cov": "fp32"}), [Origin("conv", ("graph.conv",))], "graph"
    ),
    "an_unknown_type_of_one_input": lambda: PrecisionPolicy("fp16", io={"x": "int4"}),
    "a_type_given_twice": lambda: parse_io(["x=fp16", "x=fp32"]),
    "a_range_with_a_word": lambda: parse_ranges(["N=1, x,3"]),
    "a_range_of_two_numbers": lambda: parse_ranges(["N=1,2"]),
    "a_range_given_twice": lambda: parse_ranges(["N=1,2,3", "N=8"]),
    "a_shape_without_a_name": lambda: parse_inputs(["1,3,8,8"]),
    "a_pair_of_one_node": lambda: parse_pairs(["conv0:"]),
    "a_size_of_two_numbers": lambda: parse_sizes(["N=1,2"]),
    "an_unknown_rule": lambda: check_rules(["contraction-epilog"]),
    "a_pass_in_place_of_its_rules": lambda: check_rules(["canonicalise"]),
    "a_rule_that_is_always_on": lambda: check_rules(["register-spill"]),
    "a_node_that_is_not_there": lambda: NAMES.resolve("cov"),
    "an_input_for_a_node": lambda: NAMES.resolve("x"),
    "a_target_that_is_none": lambda: arch_named("sm90"),
    "a_target_that_is_too_old": lambda: arch_named("sm_75"),
    "a_card_of_another_target": lambda: arch_named("sm_90a:a100"),
    "a_range_in_the_wrong_order": lambda: imported(shapes={"N": (3, 2, 1)}),
    "a_range_of_an_unknown_symbol": lambda: imported(shapes={"M": (1, 2, 3)}),
    "a_shape_of_an_unknown_input": lambda: imported(inputs={"data": ["N", 4]}),
    "a_shape_of_another_rank": lambda: imported(inputs={"x": [1, 4, 4]}),
    "a_shape_with_a_broken_size": lambda: imported(inputs={"x": ["2*h/3", 4]}),
    "a_shape_with_a_negative_size": lambda: imported(inputs={"x": [-1, 4]}),
    "an_unknown_type_of_an_input": lambda: PrecisionPolicy("fp16", io="int4"),
    "a_size_with_an_unknown_operator": lambda: parse_size("2*h/3"),
    "a_size_that_is_no_number": lambda: parse_size("h + true"),
    "a_table_with_a_word_for_a_number": lambda: CalibrationTable.parse(TABLE.replace("2", "two"), "t.table"),
    "a_table_that_stops_in_a_line": lambda: CalibrationTable.parse(TABLE.replace("0.5", ""), "t.table"),
    "a_table_with_an_open_string": lambda: CalibrationTable.parse(TABLE.replace('x"', "x"), "t.table"),
    "a_table_without_a_scale": lambda: CalibrationTable.parse(TABLE.replace("  scale", "# scale"), "t.table"),
    "a_cache_with_a_damaged_line": lambda: TrtCache.parse("TRT-8501-EntropyCalibration2\n  x: 3g8\n"),
}


def fault(case: str) -> GlassError:
    """The error of CASE; of an option of the command line, what the usage error is made of."""
    with pytest.raises((GlassError, typer.BadParameter)) as caught:
        CASES[case]()
    found = caught.value.__cause__ if isinstance(caught.value, typer.BadParameter) else caught.value
    assert isinstance(found, GlassError)
    return found


@pytest.mark.parametrize("case", CASES)
def test_what_means_nothing_is_explained(case: str, golden: str) -> None:
    assert shown(fault(case)) == golden


@pytest.mark.parametrize("case", [case for case in CASES if "table" not in case and "cache" not in case])
def test_it_is_shown_in_the_text_that_was_given(case: str) -> None:
    span = fault(case).diagnostic.span
    assert span is not None and span.file.startswith("<") and span.line == 1
    assert 1 <= span.column <= len(span.source) + 1


def test_a_command_shows_it_too() -> None:
    with pytest.raises(typer.BadParameter) as caught:
        parse_ranges(["N=1,x,3"])
    assert caught.value.message.startswith("'x' is not a number; write N=MIN,OPT,MAX")
    assert caught.value.message.endswith("\n  at <shape>:1:5\n  N=1,x,3\n      ^")
