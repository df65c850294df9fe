"""From a device name to its backend. The CUDA packages are imported only here, and only on demand."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

from ..errors import DeviceError, InputError
from .device import Backend, Observer
from .expressions import clip
from .host_backend import HostBackend
from .plan import Plan

Watch = Callable[[Mapping[str, int]], Observer]

HOST = "host"
DEBUG_VARIABLE = "GLASSRT_DEBUG_SYNC"
CHECK_VARIABLE = "GLASSRT_CHECK"
_CUDA_NAME = re.compile(r"cuda(?::([0-9]{1,4}))?")


@dataclass(frozen=True)
class Choice:
    """The device that a plan runs on where none is named.

    why: the reason where that is not a GPU, else empty; passed_over: whether there is one, for which the plan
    has no code.
    """

    device: str
    why: str = ""
    passed_over: bool = False


def default_device(plan: Plan) -> Choice:
    """The first GPU if it can be used and PLAN has code for it, else the host."""
    if not plan.targets:
        return Choice(HOST, "the plan has code for the host alone")
    if (absent := no_gpu()) is not None:
        return Choice(HOST, absent)
    try:
        _cuda_module().check_targets(plan.targets, 0)
    except DeviceError as error:
        return Choice(HOST, error.message, passed_over=True)
    return Choice("cuda")


def no_gpu() -> str | None:
    """Why this process can use no GPU; None where it can."""
    try:
        count = int(_cuda_module().device_count())
    except DeviceError as error:
        # In short: device='cuda' raises all of it.
        return f"there is no GPU that can be used: {error.message.split(': ')[0]}"
    return None if count else "there is no GPU that this process may use"


def open_backend(device: object, debug: bool | None = None) -> Backend:
    """The backend for ``cuda``, ``cuda:N``, ``host``, or None: CUDA if there is a GPU, else the host.

    With `debug`, kernels are launched one by one with a synchronisation after each, so that an error names
    its kernel; the default is the environment variable GLASSRT_DEBUG_SYNC=1. Raises `DeviceError` for another
    name, and where the device or its packages are missing.
    """
    if debug is None:
        debug = _switched_on(DEBUG_VARIABLE)
    if device is not None and not isinstance(device, str):
        raise DeviceError(f"there is no device {device!r}", hint="devices are cuda, cuda:N and host")
    if device is None:
        device = "cuda" if cuda_devices() else HOST
    if device == HOST:
        return HostBackend()
    match = _CUDA_NAME.fullmatch(device)
    if match is None:
        raise DeviceError(f"there is no device {clip(device)}", hint="devices are cuda, cuda:N and host")
    backend: Backend = _cuda_module().open_backend(int(match[1] or 0), debug)
    return backend


def index_watch(plan: Plan, wanted: bool | None) -> Watch | None:
    """What watches runs of PLAN for indices outside their axis, by the values of the symbols; None where that
    is not WANTED (by default, unless GLASSRT_CHECK=1), or no kernel takes an index.

    Raises `InputError` where the compiler is not installed: what an index is computed by is in its IR.
    """
    if not checks_indices(wanted):
        return None
    try:
        module = importlib.import_module("..compiler.checking.indices", __package__)
    except ImportError as error:
        message = f"indices are checked by the compiler, which cannot be imported: {error}"
        raise InputError(message, f"pip install glassrt, or run without {CHECK_VARIABLE}") from error
    watch: Watch | None = module.index_watch(plan)
    return watch


def checks_indices(wanted: bool | None = None) -> bool:
    """Whether indices are to be checked: WANTED, or by default what GLASSRT_CHECK says."""
    return _switched_on(CHECK_VARIABLE) if wanted is None else wanted


def _switched_on(variable: str) -> bool:
    return os.environ.get(variable, "0") not in ("", "0")


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
