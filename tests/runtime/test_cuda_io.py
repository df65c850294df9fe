"""Inputs and outputs on CUDA: used where they lie, or copied."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime import Plan
from glassrt.runtime.dlpack import CUDA, export_tensor

from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, batch, contents, engine_on, from_zero
from .tiny_plans import affine, affine_plan


def test_tensors_on_the_device_are_used_where_they_lie(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x = GpuTensor(batch(4))
    start = len(fake.log)
    y = engine.run({"x": x})["y"]
    assert not [name for name in fake.log[start:] if "Memcpy" in name]
    assert x.streams == [engine._context()._session.stream]  # type: ignore[union-attr]
    assert (y.dtype, y.shape, y.__dlpack_device__()) == ("f32", (4, 4), (CUDA, 0))
    np.testing.assert_array_equal(contents(y), affine(x.array))
    np.testing.assert_array_equal(y.numpy(), affine(x.array))


def test_preallocated_results(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x, on_gpu, on_host = batch(4), GpuTensor(np.zeros((4, 4), np.float32)), np.zeros((4, 4), np.float32)
    assert engine.run({"x": x}, {"y": on_gpu})["y"] is on_gpu
    np.testing.assert_array_equal(on_gpu.array, affine(x))
    assert engine.run({"x": GpuTensor(x)}, {"y": on_host})["y"] is on_host
    np.testing.assert_array_equal(on_host, affine(x))


def test_unaligned_tensors_are_copied(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    x, y = GpuTensor(np.zeros(17, np.float32)), GpuTensor(np.zeros(17, np.float32))
    x.array, y.array = x.array[1:].reshape(4, 4), y.array[1:].reshape(4, 4)
    x.array[...] = batch(4)
    engine.run({"x": x}, {"y": y})
    np.testing.assert_array_equal(y.array, affine(x.array))
    assert fake.log.count("cuMemcpyDtoDAsync") == 2


def test_bad_tensors(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    with pytest.raises(InputError, match="is on DLPack device"):
        engine.run({"x": GpuTensor(batch(4), ordinal=1)})
    with pytest.raises(InputError, match="wrong type"):
        engine.run({"x": GpuTensor(batch(4).astype(np.int32))})


def test_overlapping_input_and_output_are_refused(fake: FakeDriver, plan: Plan) -> None:
    x = GpuTensor(batch(4))
    with pytest.raises(InputError, match="overlap"):
        engine_on(fake, plan).run({"x": x}, {"y": x})


class NullTensor(GpuTensor):
    """An empty tensor, which other libraries put at the null address."""

    def __init__(self) -> None:
        super().__init__(batch(0))

    def __dlpack__(self, *, stream: int | None = None) -> object:
        return export_tensor(self, 0, self.__dlpack_device__(), "f32", (0, 4))


def test_empty_tensors_of_others_have_no_address(fake: FakeDriver) -> None:
    y = NullTensor()
    assert engine_on(fake, affine_plan(from_zero)).run({"x": NullTensor()}, {"y": y})["y"] is y


def test_bytes_are_placed_for_kernels_of_any_session(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    data = batch(4).view(np.uint8).reshape(-1)
    session, other = engine.context()._session, engine.context()._session
    assert session is not None and other is not None
    value = session.place(data)
    data = data.copy()
    assert value.device == (CUDA, 0) and value.bytes == data.size  # type: ignore[union-attr]
    np.testing.assert_array_equal(other.fetch(value), data)
    before = len(fake.live)
    del value
    assert len(fake.live) == before - 1
