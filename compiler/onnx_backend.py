"""GlassRT as a backend of ONNX's own interface, which its public test runner and other tools drive.

    import glassrt.backend

    outputs = glassrt.backend.prepare(model, "CUDA").run([x])

Source: `onnx.backend.base`, `docs/ImplementingAnOnnxBackend.md` of onnx.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TypeProto, helper
from onnx.backend.base import Backend, BackendRep, Device, DeviceType

from ..errors import DeviceError, InputError
from ..runtime import Engine, load
from ..runtime.discovery import present_target
from .api import compile


class Prepared(BackendRep):  # type: ignore[misc]  # onnx has no types
    """A model that is built and loaded."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs in the order of the model's, of INPUTS in the order of the model's or by name.

        An optional input at the end may be missing. Raises InputError, DeviceError.
        """
        if kwargs:
            raise InputError(f"run has no argument {', '.join(sorted(kwargs))}")
        names = [one.name for one in self.engine.inputs]
        outputs = self.engine.run(by_name(inputs, names))
        return tuple(outputs[one.name] for one in self.engine.outputs)


def by_name(inputs: Any, names: Sequence[str]) -> dict[str, Any]:
    """INPUTS (a mapping, a sequence, or one array) by NAMES; InputError where there are more."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    listed = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if len(listed) > len(names):
        raise InputError(f"{len(listed)} inputs are given; the model has {len(names)}: {', '.join(names)}")
    return {name: np.asarray(value) for name, value in zip(names, listed, strict=False)}


class GlassBackend(Backend):  # type: ignore[misc]  # onnx has no types
    """Models built by `glassrt.compile`, on the device 'host' (CPU) or 'cuda' (CUDA, CUDA:1, ...)."""

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> Prepared:
        """MODEL built for DEVICE and loaded; kwargs are those of `glassrt.compile`.

        Raises what `glassrt.compile` and `glassrt.load` raise.
        """
        kind = Device(device)
        if kind.type == DeviceType.CPU:
            return Prepared(load(compile(model, target="host", **kwargs), "host"))
        target = present_target()
        if target is None:
            raise DeviceError("there is no NVIDIA GPU here", "use the device 'CPU'")
        return Prepared(load(compile(model, target=target, **kwargs), f"cuda:{kind.device_id}"))

    @classmethod
    def run_model(cls, model: ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any) -> tuple[Any, ...]:
        """Prepares MODEL and runs it once."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls, node: NodeProto, inputs: Any, device: str = "CPU", outputs_info: Any = None, **kwargs: Any
    ) -> tuple[Any, ...]:
        """The outputs of NODE alone, in the newest opset, on arrays of the types that INPUTS have."""
        names = [name for name in node.input if name]
        given = by_name(inputs, names)
        values = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in given.items()
        ]
        results = [helper.make_value_info(name, TypeProto()) for name in node.output if name]
        graph = helper.make_graph([node], "node", values, results)
        return cls.run_model(helper.make_model(graph), given, device, **kwargs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether DEVICE ('CPU', 'CUDA' or 'CUDA:N') is here."""
        return Device(device).type == DeviceType.CPU or present_target() is not None


prepare, run_model, run_node = GlassBackend.prepare, GlassBackend.run_model, GlassBackend.run_node
supports_device = GlassBackend.supports_device
