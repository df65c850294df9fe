"""The manifest: where buffers lie, which symbols it names, and that equal weights are stored once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.plan.manifest import ALIGNMENT, ManifestBuilder
from glassrt.codegen.plan.sources import made_kernels
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.launch_memory import Buffer
from glassrt.errors import IRError
from glassrt.testing.net import Net

from ...property.concat_graphs import lowered


def built(module: Module) -> tuple[dict[str, Any], bytes]:
    builder = ManifestBuilder(module, made_kernels(module, REFERENCE))
    return builder.build("test", [], 0), builder.weights


def small() -> Module:
    """Two products with weights of odd sizes, one of them used twice."""
    net = Net()
    n = net.symbol("N", 1, 2, 4)
    net.symbol("UNUSED", 1, 2, 3)
    w = net.const(np.arange(5, dtype=np.float32))
    x = net.linear(net.add(Mul, net.input("x", n, 5), w), 5)
    return lowered(net.done(net.linear(net.add(Add, x, w), 5)))[0]


def test_weights_are_aligned_and_stored_once() -> None:
    module = small()
    data, weights = built(module)
    entries = [entry for entry in data["buffers"] if entry["space"] == "weights"]
    offsets = [entry.get("offset", 0) for entry in entries]
    assert all(offset % ALIGNMENT == 0 for offset in offsets) and len(weights) == data["weights_bytes"]
    stored = np.arange(5, dtype=np.float32).tobytes()
    assert weights.count(stored) == 1
    assert all(
        offset + entry["bytes"] <= len(weights) for offset, entry in zip(offsets, entries, strict=True)
    )


def test_only_symbols_that_occur_are_named() -> None:
    data, _ = built(small())
    assert data["symbols"] == {"N": [1, 2, 4]}


def test_every_launch_gives_an_argument_for_each_parameter() -> None:
    data, _ = built(small())
    names = {entry["name"] for entry in data["buffers"]}
    for launch in data["launches"]:
        parameters = data["kernels"][launch["kernel"]]["parameters"]
        assert len(launch["arguments"]) == len(parameters)
        assert {argument["buffer"] for argument in launch["arguments"] if "buffer" in argument} <= names


def test_the_arena_ends_with_its_last_buffer_at_the_largest_sizes() -> None:
    module = small()
    data, _ = built(module)
    ends = [
        op.offset + 4 * 5 * 4 for op in module.main.block if isinstance(op, Buffer) and op.space == "arena"
    ]
    assert data["arena_bytes"] == data["zeroed_bytes"] + max(ends)


def test_an_output_buffer_is_returned() -> None:
    module = small()
    type = TensorType((4,), F32)
    first = module.main.block.first
    module.main.block.insert_before(first, Buffer(space="output", bytes=16, types=[type]))
    with pytest.raises(IRError, match="is in the output space but is not returned"):
        built(module)
