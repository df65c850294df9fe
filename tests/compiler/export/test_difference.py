"""What an exported model differs in."""

from __future__ import annotations

import glassrt
import onnx
from glassrt.compiler.driver.build import Settings, context_of
from glassrt.compiler.export.choices import before_scales
from glassrt.compiler.export.difference import difference
from glassrt.compiler.frontend.source import load_module
from onnx import numpy_helper

from .odd_networks import ODD, inputs


def test_what_differs_is_named() -> None:
    made = glassrt.calibrate(ODD["summed_branches"](), inputs(ODD["summed_branches"]()), device="interpret")
    exported = glassrt.export_qdq(ODD["summed_branches"](), made)
    same = before_scales(load_module(exported), context_of(Settings()))
    assert difference(same, before_scales(load_module(exported), context_of(Settings()))) is None
    for tensor, problem in (
        ("t2_scale", "the scale at 't2_QuantizeLinear'"),
        ("w5_quantized", "the product at 'conv3'"),
    ):
        changed = onnx.ModelProto()
        changed.CopyFrom(exported)
        (found,) = [each for each in changed.graph.initializer if each.name == tensor]
        array = numpy_helper.to_array(found)
        found.CopyFrom(numpy_helper.from_array((array + 1).astype(array.dtype), tensor))
        said = difference(same, before_scales(load_module(changed), context_of(Settings())))
        assert said is not None and problem in said
