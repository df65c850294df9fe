"""The sources of a launch module: one for equal kernels, and launches that do not fit their kernels."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.plan.sources import made_kernels
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.launch import Kernel
from glassrt.errors import IRError
from glassrt.testing.net import Net

from ...property.concat_graphs import lowered


def launches_of(net: Net, *outputs: Value) -> tuple[Module, list[Kernel]]:
    module, _ = lowered(net.done(*outputs))
    return module, [op for op in module.main.block if isinstance(op, Kernel)]


def test_equal_kernels_share_a_source_that_names_all_their_nodes() -> None:
    net = Net()
    x = net.input("x", 1, 8, 4, 4)
    for _ in range(4):
        x = net.conv(x, 8)
    module, launches = launches_of(net, x)
    made = made_kernels(module, REFERENCE)
    assert len(made) < len(launches)
    assert list(made) == list(dict.fromkeys(op.kernel for op in launches))
    names = [op.kernel for op in launches]
    (shared,) = (kernel for name, kernel in made.items() if names.count(name) > 1)
    assert "conv1" in shared.source and "conv2" in shared.source


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("grid", [3, 1, 1], "its configuration needs grid"),
        ("block", [64, 2, 1], "its configuration needs grid"),
        ("shared", 1 << 14, "its configuration needs grid"),
        ("config", {"warps": 3}, "cannot run it with this configuration"),
        ("executed", F16, "executes f32, not f16"),
        ("member_formats", {"m0_compute": "f32"}, "states formats of members, but is not a group"),
    ],
)
def test_a_launch_fits_its_kernel(attribute: str, value: Any, words: str) -> None:
    net = Net()
    module, (op,) = launches_of(net, net.add(Softmax, net.input("x", 4, 8), axis=1))
    setattr(op, attribute, value)
    with pytest.raises(IRError, match=words):
        made_kernels(module, REFERENCE)


def test_two_kernels_have_two_names() -> None:
    net = Net()
    x = net.add(Softmax, net.input("x", 4, 8), axis=1)
    module, (first, second) = launches_of(net, net.add(Softmax, x, axis=0))
    second.kernel = first.kernel
    with pytest.raises(IRError, match=f"there is another kernel called @{first.kernel}"):
        made_kernels(module, REFERENCE)
