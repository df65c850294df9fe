"""Steps on images are valid and right."""

from __future__ import annotations

import pytest
from glassrt.testing.makers import images
from onnx import helper

from .growing import check_maker, graphs_with, makers_of

OPS = {"conv": "Conv", "resize": "Resize", "conv_block": "Conv"}


@pytest.mark.parametrize("name", makers_of(images))
def test_its_steps_are_right(name: str) -> None:
    ops = check_maker(name)
    assert OPS.get(name, "") in {*ops, ""}


def test_automatic_padding_of_pools_never_crops() -> None:
    """It would where a stride is larger than the window, which the standard leaves open."""
    nodes = [node for graph in graphs_with("pool", 25) for node in graph.model.graph.node]
    read = [
        {each.name: helper.get_attribute_value(each) for each in n.attribute}
        for n in nodes
        if "Pool" in n.op_type
    ]
    automatic = [each for each in read if each.get("auto_pad", b"").startswith(b"SAME")]
    assert automatic
    for each in automatic:
        assert all(step <= size for step, size in zip(each["strides"], each["kernel_shape"], strict=True))
