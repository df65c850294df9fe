"""From a device name to its backend. The CUDA packages are imported only here, and only on demand."""

from __future__ import annotations

import importlib
import os
import re
from types import ModuleType

from ..errors import DeviceError
from .device import Backend
from .expressions import clip
from .host_backend import HostBackend

DEBUG_VARIABLE = "GLASSRT_DEBUG_SYNC"
_CUDA_NAME = re.compile(r"cuda(?::([0-9]{1,4}))?")


def open_backend(device: object, debug: bool | None = None) -> Backend:
    """The backend for ``cuda``, ``cuda:N``, ``host``, or None: CUDA if there is a GPU, else the host.

    With `debug`, kernels are launched one by one with a synchronisation after each, so that an error names
    its kernel; the default is the environment variable GLASSRT_DEBUG_SYNC=1. Raises `DeviceError` for another
    name, and where the device or its packages are missing.
    """
    if debug is None:
        debug = os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")
    if device is not None and not isinstance(device, str):
        raise DeviceError(f"there is no device {device!r}", hint="devices are cuda, cuda:N and host")
    if device is None:
        device = "cuda" if cuda_devices() else "host"
    if device == "host":
        return HostBackend()
    match = _CUDA_NAME.fullmatch(device)
    if match is None:
        raise DeviceError(f"there is no device {clip(device)}", hint="devices are cuda, cuda:N and host")
    backend: Backend = _cuda_module().open_backend(int(match[1] or 0), debug)
    return backend


def cuda_devices() -> int:
    """Number of CUDA devices that this process can use; 0 without a driver or without the CUDA packages."""
    try:
        return int(_cuda_module().device_count())
    except DeviceError:
        return 0


def present_target() -> str | None:
    """The target of this machine's first GPU, such as ``sm_90a``; None without a usable GPU."""
    try:
        return str(_cuda_module().device_target(0))
    except DeviceError:
        return None


def present_figures() -> dict[str, int | str] | None:
    """Name and limits of this machine's first GPU (see `cuda_device.device_figures`); None without a usable
    GPU."""
    try:
        figures: dict[str, int | str] = _cuda_module().present_figures(0)
    except DeviceError:
        return None
    return figures


def present_driver() -> str | None:
    """The CUDA version of this machine's driver, such as ``13.0``; None without a usable GPU."""
    try:
        return str(_cuda_module().driver_version()) if cuda_devices() else None
    except DeviceError:
        return None


def _cuda_module() -> ModuleType:
    try:
        return importlib.import_module(".cuda", __package__)
    except ImportError as error:
        raise DeviceError(
            f"the cuda device needs the package cuda-bindings, which cannot be imported: {error}",
            hint="pip install cuda-bindings, or use device='host'",
        ) from error
