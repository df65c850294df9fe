"""Inputs and outputs that are bound once: what a session runs on, and where it writes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from .values import Array, OrtValue, given_for

if TYPE_CHECKING:
    from .session import InferenceSession


class _DeviceMemory:
    """Memory on a GPU that the caller holds, by its address."""

    def __init__(self, address: int, shape: Sequence[int], dtype: Any) -> None:
        self.shape = tuple(shape)
        self.__cuda_array_interface__ = {
            "shape": self.shape, "typestr": np.dtype(dtype).str, "data": (address, False), "version": 3
        }  # fmt: skip


class IOBinding:
    """The inputs and outputs of one session, by name."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self.inputs: dict[str, Any] = {}
        self.targets: dict[str, Any] = {}  # None: made by the run
        self.devices: dict[str, str] = {}
        self.results: dict[str, OrtValue] = {}

    # ------------------------------------------------------------ inputs

    def bind_cpu_input(self, name: str, arr_on_cpu: Array) -> None:
        """Take an array on the host for the input NAME."""
        self.inputs[name] = given_for(arr_on_cpu, self._session.input_type(name))

    def bind_input(
        self,
        name: str,
        device_type: str,
        device_id: int,
        element_type: Any,
        shape: Sequence[int],
        buffer_ptr: int,
    ) -> None:
        """Take the memory at BUFFER_PTR, dense and row-major, for the input NAME. The caller keeps it."""
        self._session.input_type(name)
        self.inputs[name] = _memory(device_type, element_type, shape, buffer_ptr)

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        """Take a value for the input NAME."""
        self._session.input_type(name)
        self.inputs[name] = ortvalue.given

    def clear_binding_inputs(self) -> None:
        self.inputs.clear()

    def synchronize_inputs(self) -> None:
        """Nothing is left to wait for: runs wait for what they read."""

    # ------------------------------------------------------------ outputs

    def bind_output(
        self,
        name: str,
        device_type: str = "cpu",
        device_id: int = 0,
        element_type: Any = None,
        shape: Sequence[int] | None = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """Write the output NAME to the memory at BUFFER_PTR, else to memory that the run makes."""
        self._session.output_place(name)
        if buffer_ptr is not None and (element_type is None or shape is None):
            raise InputError(f"output '{name}' has an address without element_type and shape")
        target = None
        if buffer_ptr is not None and shape is not None:
            target = _memory(device_type, element_type, shape, buffer_ptr)
        self.targets[name], self.devices[name] = target, device_type

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        """Write the output NAME into a value."""
        self._session.output_place(name)
        self.targets[name], self.devices[name] = ortvalue.given, ortvalue.device_name()

    def clear_binding_outputs(self) -> None:
        self.targets.clear()
        self.results.clear()

    def synchronize_outputs(self) -> None:
        """Nothing is left to wait for: a run returns when its outputs are complete."""

    def get_outputs(self) -> list[OrtValue]:
        """The outputs of the last run, in the order in which they were bound."""
        return [self.results[name] for name in self.targets if name in self.results]

    def copy_outputs_to_cpu(self) -> list[Array]:
        """The outputs of the last run as arrays on the host."""
        return [value.numpy() for value in self.get_outputs()]


def _memory(device_type: str, element_type: Any, shape: Sequence[int], address: int) -> Any:
    dtype = np.dtype(element_type)
    if device_type.lower() == "cuda":
        return _DeviceMemory(address, shape, dtype)
    count = int(np.prod(tuple(shape), dtype=np.int64)) * dtype.itemsize
    if count == 0:
        return np.empty(tuple(shape), dtype)
    return np.frombuffer((ctypes.c_uint8 * count).from_address(address), dtype).reshape(tuple(shape))
