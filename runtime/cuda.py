"""The cuda device: picks the right machine code, loads it, uploads the weights, opens sessions."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import numpy as np

from ..errors import DeviceError
from .cuda_device import CudaDevice, compute_capability, find_device
from .cuda_driver import Driver, DriverError
from .cuda_launch import Launcher
from .cuda_session import CudaSession
from .dlpack import CUDA
from .expressions import clip
from .manifest import Manifest, parse_target
from .plan import Plan

DEFAULT_SHARED_BYTES = 48 << 10  # what a block may have without asking

_driver_lock = threading.Lock()
_process_driver: list[Driver] = []


def process_driver() -> Driver:
    """The one driver of this process; it remembers which devices are lost."""
    with _driver_lock:
        if not _process_driver:
            _process_driver.append(Driver())
        return _process_driver[0]


def device_count(driver: Driver | None = None) -> int:
    """How many GPUs there are. Raises `DeviceError` if there is no working driver."""
    driver = driver or process_driver()
    driver.call("cuInit", 0)
    return int(driver.call("cuDeviceGetCount"))


def device_target(ordinal: int, driver: Driver | None = None) -> str:
    """The target that makes the most of a GPU, such as ``sm_90a``. Raises `DeviceError`."""
    driver = driver or process_driver()
    major, minor = compute_capability(driver, find_device(driver, ordinal))
    return f"sm_{major}{minor}" + ("a" if major >= 9 else "")


def open_backend(ordinal: int, debug: bool, driver: Driver | None = None) -> CudaBackend:
    """The backend of one GPU. Raises `DeviceError` if it is not there."""
    return CudaBackend(CudaDevice(driver or process_driver(), ordinal), debug)


class CudaBackend:
    """One GPU, ready to take plans."""

    def __init__(self, device: CudaDevice, debug: bool = False) -> None:
        self._device = device
        self._debug = debug

    def load(self, plan: Plan) -> CudaExecutable:
        """Check that the GPU and its driver can run the plan, then load it; see `device.Backend`."""
        _check_driver(self._device.driver, plan.spec)
        target = choose_target(plan.spec, self._device.capability)
        return CudaExecutable(self._device, plan, target, self._debug)


class CudaExecutable:
    """A plan's kernels and weights on one GPU; see `device.Executable`."""

    def __init__(self, device: CudaDevice, plan: Plan, target: str, debug: bool) -> None:
        self.name = device.name
        self.device = (CUDA, device.ordinal)
        self._device = device
        self._manifest = plan.spec
        self._debug = debug
        self._released = contextlib.ExitStack()
        try:
            with device.current():
                self._weights = self._upload(plan)
                functions = {
                    name: self._load_kernel(plan, target, name)
                    for name in sorted({launch.kernel for launch in plan.spec.launches})
                }
        except BaseException:
            self.close()
            raise
        self._launcher = Launcher(device, functions)

    def session(self) -> CudaSession:
        """A new session for the calling thread."""
        return CudaSession(self._device, self._launcher, self._manifest, self._weights, self._debug)

    def close(self) -> None:
        """Release code and weights."""
        self._released.close()

    def _upload(self, plan: Plan) -> int:
        """Address of the weights on the GPU: one allocation, copied once."""
        memory = self._device.allocate(len(plan.weights))
        self._released.callback(memory.close)
        if len(plan.weights):
            source = np.frombuffer(plan.weights, np.uint8)
            self._device.driver.call("cuMemcpyHtoD", memory.value, source.ctypes.data, source.nbytes)
        return int(memory)

    def _load_kernel(self, plan: Plan, target: str, name: str) -> Any:
        """The kernel's function, allowed the shared memory of its launches."""
        call, attributes = self._device.driver.call, self._device.driver.api.CUfunction_attribute
        launches = [launch for launch in plan.spec.launches if launch.kernel == name]
        try:
            module = self._device.create("cuModuleUnload", "cuModuleLoadData", plan.cubins[target][name])
            self._released.callback(module.close)
            entry = plan.spec.kernels[name].entry
            function = call("cuModuleGetFunction", module.value, entry.encode())
            shared = max(launch.shared_bytes for launch in launches)
            if shared > DEFAULT_SHARED_BYTES:
                maximum = attributes.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
                call("cuFuncSetAttribute", function, maximum, shared)
        except DriverError as error:
            message = f"cannot load kernel {name} for {target}: {error.message}"
            raise DriverError(message, error.code, error.hint) from error
        return function


def _check_driver(driver: Driver, manifest: Manifest) -> None:
    have = int(driver.call("cuDriverGetVersion"))
    if have < manifest.min_driver:
        raise DeviceError(
            f"the plan needs a driver for CUDA {_version(manifest.min_driver)} or newer, "
            f"this machine's driver is for CUDA {_version(have)}",
            hint="update the NVIDIA driver, or build the plan with an older toolkit",
        )


def _version(number: int) -> str:
    """13000 -> 13.0 (cuDriverGetVersion)."""
    return f"{number // 1000}.{number % 1000 // 10}"


def choose_target(manifest: Manifest, capability: tuple[int, int]) -> str:
    """The plan's most specific target that a GPU of this compute capability executes.

    Machine code runs on its own major version from its minor version up; with suffix "a" on exactly
    its own version; with suffix "f" like plain code, within its family. Source: CUDA programming
    guide, "Binary compatibility" and "Feature set compiler targets".
    """
    fitting = [target for target in manifest.targets if _runs(target, capability)]
    if fitting:
        return max(fitting, key=_preference)
    major, minor = capability
    have = f"the GPU is sm_{major}{minor}"
    if not manifest.targets:
        raise DeviceError(
            f"the plan has no machine code for GPUs; {have}",
            hint=f"build it again with target='sm_{major}{minor}', or load it with device='host'",
        )
    raise DeviceError(
        f"the plan was built for {', '.join(map(clip, manifest.targets))}; {have}",
        hint=f"build it again with target='sm_{major}{minor}'",
    )


def _runs(target: str, capability: tuple[int, int]) -> bool:
    major, minor, suffix = parse_target(target)
    if suffix == "a":
        return (major, minor) == capability
    return major == capability[0] and minor <= capability[1]


def _preference(target: str) -> tuple[int, int]:
    _, minor, suffix = parse_target(target)
    return ("", "f", "a").index(suffix), minor
