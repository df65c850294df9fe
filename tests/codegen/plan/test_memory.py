"""The memory of a plan: where buffers lie, and that equal weights are stored once."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.plan.memory import ALIGNMENT, PlanMemory
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.launch_memory import Buffer
from glassrt.errors import IRError

from .modules import small


def test_weights_are_aligned_and_stored_once() -> None:
    memory = PlanMemory(small())
    entries = [entry for entry in memory.entries if entry["space"] == "weights"]
    spans = [(entry.get("offset", 0), entry["bytes"]) for entry in entries]
    assert all(offset % ALIGNMENT == 0 and offset + size <= len(memory.weights) for offset, size in spans)
    assert memory.weights.count(np.arange(5, dtype=np.float32).tobytes()) == 1


def test_every_value_has_a_buffer_that_is_an_entry() -> None:
    module = small()
    memory = PlanMemory(module)
    names = [entry["name"] for entry in memory.entries]
    assert len(set(names)) == len(names)
    values = [*module.main.arguments, *(op.result for op in module.main.block if isinstance(op, Buffer))]
    assert {memory[value] for value in values} <= set(names)


def test_the_arena_ends_with_its_last_buffer_at_the_largest_sizes() -> None:
    module = small()
    memory = PlanMemory(module)
    buffers = (op for op in module.main.block if isinstance(op, Buffer) and op.space == "arena")
    assert memory.arena_bytes == memory.zeroed_bytes + max(op.offset + 4 * 5 * 4 for op in buffers)


def test_an_output_buffer_is_returned() -> None:
    module = small()
    stray = Buffer(space="output", bytes=16, types=[TensorType((4,), F32)])
    module.main.block.insert_before(module.main.block.first, stray)
    with pytest.raises(IRError, match="is in the output space but is not returned"):
        PlanMemory(module)
