"""Tensors given for outputs: each gets its own result, or the run is refused before anything is launched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import Engine, InputError
from onnx import TensorProto, helper

Array = np.ndarray[Any, Any]


class Tensor:
    """An array of another library: nothing of numpy but the DLPack protocol."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """y = -x and z = |x|."""
    x, y, z = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 6]) for name in "xyz")
    nodes = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["z"])]
    made = helper.make_model(helper.make_graph(nodes, "g", [x], [y, z]), ir_version=9)
    made.opset_import[0].version = 18
    with glassrt.load(glassrt.compile(made, target="host"), "host") as engine:
        yield engine


def fresh() -> Array:
    return np.full((4, 6), np.nan, np.float32)


def twice() -> dict[str, Any]:
    y = fresh()
    return {"y": y, "z": y}


def shifted() -> dict[str, Any]:
    memory = np.zeros(30, np.float32)
    return {"y": memory[:24].reshape(4, 6), "z": memory[6:].reshape(4, 6)}


def tensors() -> dict[str, Any]:
    y = fresh()
    return {"y": Tensor(y), "z": Tensor(y)}


def tensor_and_array() -> dict[str, Any]:
    y = fresh()
    return {"y": Tensor(y), "z": y[::-1]}


def broadcast() -> dict[str, Any]:
    return {"y": np.lib.stride_tricks.as_strided(np.zeros(6, np.float32), (4, 6), (0, 4))}


@pytest.mark.parametrize("given", [twice, shifted, tensors, tensor_and_array, broadcast])
def test_memory_of_two_results_is_refused(engine: Engine, given: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(InputError, match=r"output '[yz]'.*(overlap|share) .*memory"):
        engine.run({"x": fresh()}, given())


def test_memory_of_an_input_is_refused(engine: Engine) -> None:
    x = fresh()
    for inputs, outputs in (({"x": x}, {"y": x}), ({"x": Tensor(x)}, {"z": x[::-1]})):
        with pytest.raises(InputError, match=r"output '[yz]' and input 'x' overlap"):
            engine.run(inputs, outputs)


def test_halves_of_one_array_are_memory_of_their_own(engine: Engine) -> None:
    x = np.random.default_rng(0).standard_normal((4, 6), dtype=np.float32)
    both = np.zeros((4, 12), np.float32)
    for y, z in ((both[:, ::2], both[:, 1::2]), (both[:, :6], both[:, 6:]), (both[:, 5::-1], both[:, 6:])):
        engine.run({"x": x}, {"y": y, "z": z})
        np.testing.assert_array_equal(y, -x)
        np.testing.assert_array_equal(z, np.abs(x))


class Silent:
    """A tensor that raises when it is asked where it lies."""

    def __dlpack__(self, **_: Any) -> Any:
        raise RuntimeError("no capsule")

    def __dlpack_device__(self) -> Any:
        raise RuntimeError("no device")


class Odd(Silent):
    def __dlpack_device__(self) -> Any:
        return "cpu"


@pytest.mark.parametrize("tensor", [Silent(), Odd()])
def test_tensors_that_do_not_say_where_they_lie(engine: Engine, tensor: object) -> None:
    with pytest.raises(InputError, match="does not report"):
        engine.run({"x": tensor})
    with pytest.raises(InputError, match="does not report"):
        engine.run({"x": fresh()}, {"y": tensor})
