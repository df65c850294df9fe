"""The backends that the public runner drives: the emitted kernels, the interpreter, and planted faults.

`DEVICES` has those that the command takes, by the name of a device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.onnx_backend import GlassBackend, by_name
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from onnx import ModelProto
from onnx.backend.base import Backend, BackendRep

Array = np.ndarray[Any, Any]


class Interpreted(BackendRep):  # type: ignore[misc]  # onnx has no types
    """An imported model, run in numpy."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        assert not kwargs
        (function,) = self.module.functions
        with np.errstate(all="ignore"):
            found = interpret(self.module, by_name(inputs, function.inputs))
        return tuple(found.values())


class Interpreter(Backend):  # type: ignore[misc]  # onnx has no types
    """The imported module of the graph level, before any pass, in numpy."""

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> Interpreted:
        return Interpreted(load_module(model))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


class Host(GlassBackend):
    """The emitted kernels, as C++."""

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


class Gpu(GlassBackend):
    """The emitted kernels on a GPU."""

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CUDA" and super().supports_device(device)


DEVICES: dict[str, type[Backend]] = {"interpret": Interpreter, "host": Host, "cuda": Gpu}


class Spoiled(Interpreter):
    """The interpreter, with one thing wrong in its last output."""

    how = "value"

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> Any:
        prepared, how = super().prepare(model, device, **kwargs), cls.how
        right = prepared.run

        def run(inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
            outputs = right(inputs, **kwargs)
            return (*outputs[:-1], *harmed(outputs[-1], how))

        prepared.run = run
        return prepared


def harmed(array: Array, how: str) -> tuple[Array, ...]:
    """ARRAY with one element wrong, another shape, another dtype, or missing."""
    if how == "missing":
        return ()
    if how == "shape" or not array.size:  # an empty one has no element to be wrong
        return (array[np.newaxis],)
    if how == "dtype":
        return (array.astype(np.float64 if array.dtype != np.float64 else np.float32),)
    array = np.array(array)
    middle = np.unravel_index(array.size // 2, array.shape)
    element = array[middle]
    if array.dtype == bool:
        array[middle] = not element
    else:
        array[middle] = 0 if abs(element) == np.inf else element * 2 + 1
    return (array,)
