"""Tensors that come again are recognised; those that differ in anything are not, wherever they lie."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime import Plan
from glassrt.runtime.dlpack import CUDA
from glassrt.runtime.input_slots import InputSlot, InputSlots

from .fake_driver import FakeDriver
from .fast_tensors import STREAM, FastTensor
from .tiny_engines import GpuTensor, batch, engine_on
from .tiny_plans import affine

GPU = (CUDA, 0)


@pytest.fixture
def slot() -> InputSlot:
    return InputSlot("x", GPU)


@pytest.fixture
def stream() -> Iterator[None]:
    """Restores the current stream of the tensors' library."""
    yield
    FastTensor.current = STREAM


@pytest.mark.parametrize("strided", [False, True])
def test_a_tensor_that_is_described_as_before_is_the_same_object(slot: InputSlot, strided: bool) -> None:
    x = FastTensor(batch(4), strided=strided)
    first = slot.taken(x, 9)
    assert slot.taken(x, 9) is first
    x.array += 1  # what it holds is read by the kernels
    assert slot.taken(x, 9) is first


def test_sizes_at_the_same_address_are_read_again(slot: InputSlot) -> None:
    x = FastTensor(batch(4))
    slot.taken(x, 9)
    x.sizes[0], x.sizes[1] = 2, 8
    assert slot.taken(x, 9).shape == (2, 8)
    assert slot.taken(x, 9).shape == (2, 8)


def test_strides_at_the_same_address_are_read_again(slot: InputSlot) -> None:
    x = FastTensor(batch(4), strided=True)
    slot.taken(x, 9)
    assert x.strides is not None
    x.strides[0] = 8
    with pytest.raises(InputError, match="not contiguous"):
        slot.taken(x, 9)
    x.strides[0] = 4
    assert slot.taken(x, 9).shape == (4, 4)


def test_another_type_or_gpu_at_the_same_address_is_seen(slot: InputSlot) -> None:
    x = FastTensor(batch(4))
    assert slot.taken(x, 9).dtype == "f32"
    x.array = x.array.view(np.int32)
    assert slot.taken(x, 9).dtype == "i32"
    x.ordinal = 1
    with pytest.raises(InputError, match="is on DLPack device"):
        slot.taken(x, 9)


def test_what_the_table_refuses_later_goes_the_usual_way(slot: InputSlot) -> None:
    x = FastTensor(batch(4))
    first = slot.taken(x, 9)
    x.refuses = True
    assert slot.taken(x, 9) is not first and x.streams == [9]
    x.refuses = False
    assert slot.taken(x, 9) is not first and x.streams == [9]


def test_other_tensors_are_taken_each_time(slot: InputSlot) -> None:
    x = GpuTensor(batch(4))
    assert slot.taken(x, 9) is not slot.taken(x, 9)
    array = batch(4)
    (taken,) = InputSlots(["x"], GPU).taken({"x": array}, 9)
    assert taken is array


def test_a_run_reads_what_lies_where_a_freed_tensor_was(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x = FastTensor(batch(4))
    whole = x.array
    for size in (4, 4, 2, 4):  # the same address; other numbers each time
        x.array = whole[:size]
        x.array[...] = batch(size + 1)[:size]
        x.sizes[0] = size
        result = engine.run({"x": x})["y"]
        assert result.shape == (size, 4)
        np.testing.assert_array_equal(result.numpy(), affine(x.array))


def test_nothing_keeps_a_tensor_alive_after_a_run(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x: Any = FastTensor(batch(4))
    for _ in range(3):
        engine.run({"x": x})
    kept = weakref.ref(x)
    del x
    assert kept() is None


def test_the_stream_of_a_tensor_is_asked_each_time(fake: FakeDriver, plan: Plan, stream: None) -> None:
    engine = engine_on(fake, plan)
    x = FastTensor(batch(4))
    for _ in range(2):
        engine.run({"x": x})
    fake.busy_streams |= {STREAM + 1}
    for current, waits in ((STREAM, 0), (STREAM + 1, 1), (STREAM, 0)):
        FastTensor.current = current
        start = len(fake.log)
        engine.run({"x": x})
        assert fake.log[start:].count("cuStreamWaitEvent") == waits
