"""Tensors in GPU memory of libraries without DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime import Plan
from glassrt.runtime.array_interface import by_array_interface, has_array_interface
from glassrt.runtime.dlpack import CPU
from glassrt.runtime.tensors import taken

from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, batch, engine_on
from .tiny_plans import affine


class NumbaLike:
    """A tensor that has nothing but the interface."""

    def __init__(self, array: np.ndarray[Any, Any], **fields: Any) -> None:
        self.array = GpuTensor(array).array
        data = (self.array.ctypes.data, False)
        self.__cuda_array_interface__ = {
            "shape": array.shape, "typestr": array.dtype.str, "data": data, "version": 3,
        } | fields  # fmt: skip


def test_a_run_and_a_binding_take_it(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    fake.busy_streams.add(77)
    x, y = NumbaLike(batch(4), stream=77), NumbaLike(np.zeros((4, 4), np.float32))
    start = len(fake.log)
    engine.run({"x": x}, {"y": y})
    assert fake.log[start:].count("cuStreamWaitEvent") == 1
    np.testing.assert_array_equal(y.array, affine(x.array))
    x.array += 1
    binding = engine.context().bind({"x": x}, {"y": y})
    binding.launch()
    binding.wait()
    np.testing.assert_array_equal(y.array, affine(x.array))


def test_what_is_seen() -> None:
    array = np.arange(12, dtype=np.float16).reshape(3, 4)
    dense = by_array_interface(NumbaLike(array, strides=(8, 2)))
    assert (dense.dtype, dense.shape, dense.contiguous, dense.stream) == ("f16", (3, 4), True, None)
    assert not by_array_interface(NumbaLike(array, strides=(2, 6))).contiguous
    assert not by_array_interface(NumbaLike(array, strides=(8, 1))).contiguous
    assert by_array_interface(NumbaLike(array, version=2)).stream == 1
    assert by_array_interface(NumbaLike(array, data=(0, True), shape=(0, 4))).read_only
    assert not has_array_interface(array)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mask": object()}, "mask"),
        ({"typestr": "<c8"}, "'<c8' is not supported"),
        ({"typestr": ">f4"}, "not supported"),
        ({"typestr": "nonsense"}, "malformed"),
        ({"data": 5}, "malformed"),
        ({"shape": None}, "malformed"),
    ],
)
def test_what_cannot_be_used_is_refused(
    fake: FakeDriver, plan: Plan, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        engine_on(fake, plan).run({"x": NumbaLike(batch(4), **fields)})


def test_outputs_must_be_writable_and_memory_this_gpus(fake: FakeDriver, plan: Plan) -> None:
    engine, x = engine_on(fake, plan), NumbaLike(batch(4))
    fixed = NumbaLike(batch(4))
    fixed.__cuda_array_interface__["data"] = (fixed.array.ctypes.data, True)
    with pytest.raises(InputError, match="read-only"):
        engine.run({"x": x}, {"y": fixed})
    fake.memory_is_on = 1
    with pytest.raises(InputError, match="on cuda:1, the engine on cuda:0"):
        engine.run({"x": x})
    fake.unknown_address = x.array.ctypes.data
    with pytest.raises(InputError, match="none that the driver knows"):
        engine.run({"x": x})


def test_the_host_does_not_reach_it() -> None:
    with pytest.raises(InputError, match="numpy array or a DLPack tensor is needed"):
        taken("x", NumbaLike(batch(4)), None, (CPU, 0))
