"""The CUDA device: selects the machine code, loads it, uploads the weights and opens sessions."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DeviceError
from .cuda_device import CudaDevice, compute_capability, device_figures, find_device
from .cuda_driver import Driver, DriverError
from .cuda_launch import Launcher
from .cuda_session import CudaSession
from .dlpack import CUDA
from .expressions import clip
from .launch_rules import PORTABLE_CLUSTER
from .manifest import Manifest, parse_target
from .plan import Plan

DEFAULT_SHARED_BYTES = 48 << 10  # shared memory that a block may use without opting in
_UNKNOWN_SYMBOL = frozenset({302, 500})  # CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND, CUDA_ERROR_NOT_FOUND

_driver_lock = threading.Lock()
_process_driver: list[Driver] = []


def process_driver() -> Driver:
    """The process-wide driver; it remembers which devices are lost."""
    with _driver_lock:
        if not _process_driver:
            _process_driver.append(Driver())
        return _process_driver[0]


def device_count(driver: Driver | None = None) -> int:
    """The number of GPUs. Raises `DeviceError` if there is no working driver."""
    driver = driver or process_driver()
    driver.call("cuInit", 0)
    return int(driver.call("cuDeviceGetCount"))


def device_target(ordinal: int, driver: Driver | None = None) -> str:
    """The best target for a GPU, such as ``sm_90a``. Raises `DeviceError`."""
    driver = driver or process_driver()
    major, minor = compute_capability(driver, find_device(driver, ordinal))
    return f"sm_{major}{minor}" + ("a" if major >= 9 else "")


def present_figures(ordinal: int, driver: Driver | None = None) -> dict[str, int | str]:
    """A GPU's name and limits; see `device_figures`. Raises `DeviceError`."""
    return device_figures(driver or process_driver(), ordinal)


def driver_version(driver: Driver | None = None) -> str:
    """The CUDA version of the driver, such as ``13.0``. Raises `DeviceError`."""
    return _version(int((driver or process_driver()).call("cuDriverGetVersion")))


def check_targets(targets: Sequence[str], ordinal: int, driver: Driver | None = None) -> None:
    """Raise `DeviceError` unless the GPU runs code for one of TARGETS."""
    driver = driver or process_driver()
    choose_target(targets, compute_capability(driver, find_device(driver, ordinal)))


def open_backend(ordinal: int, debug: bool, driver: Driver | None = None) -> CudaBackend:
    """The backend of one GPU. Raises `DeviceError` if there is no such GPU."""
    return CudaBackend(CudaDevice(driver or process_driver(), ordinal), debug)


class CudaBackend:
    """One GPU, ready to load plans."""

    def __init__(self, device: CudaDevice, debug: bool = False) -> None:
        self._device = device
        self._debug = debug

    def load(self, plan: Plan) -> CudaExecutable:
        """Check that the GPU and its driver can run PLAN, and load it; see `device.Backend`."""
        _check_driver(self._device.driver, plan.spec)
        target = choose_target(plan.targets, self._device.capability)
        return CudaExecutable(self._device, plan.part(target), target, self._debug)


class CudaExecutable:
    """A plan's kernels and weights on one GPU; see `device.Executable`."""

    def __init__(self, device: CudaDevice, plan: Plan, target: str, debug: bool) -> None:
        self.name = device.name
        self.device = (CUDA, device.ordinal)
        self._device = device
        self.plan = plan
        self._manifest = plan.spec
        self._debug = debug
        self._released = contextlib.ExitStack()
        self._modules: dict[str, Any] = {}
        try:
            with device.current():
                self._weights = self._upload(plan)
                functions = {
                    name: self._load_kernel(plan, target, name)
                    for name in sorted({launch.kernel for launch in plan.spec.launches})
                }
                setter = self._load_setter(plan, target)
        except BaseException:
            self.close()
            raise
        self._launcher = Launcher(device, functions, setter)

    def session(self) -> CudaSession:
        """A new session for the calling thread."""
        return CudaSession(self._device, self._launcher, self._manifest, self._weights, self._debug)

    def close(self) -> None:
        """Unload the code and free the weights."""
        self._released.close()

    def _upload(self, plan: Plan) -> int:
        """Upload the weights in one allocation and one copy; returns their device address."""
        memory = self._device.allocate(len(plan.weights))
        self._released.callback(memory.close)
        if len(plan.weights):
            source = np.frombuffer(plan.weights, np.uint8)
            self._device.driver.call("cuMemcpyHtoD", memory.value, source.ctypes.data, source.nbytes)
        return int(memory)

    def _load_setter(self, plan: Plan, target: str) -> Any:
        """The function handle of the plan's setter; None if the plan has none or the driver lacks the
        function it calls.

        Conditions are then read back.
        """
        try:
            return self._load_kernel(plan, target, plan.spec.setter) if plan.spec.setter else None
        except DriverError as error:
            if error.code in _UNKNOWN_SYMBOL:
                return None
            raise

    def _load_kernel(self, plan: Plan, target: str, name: str) -> Any:
        """The kernel's function handle, with its limits of shared memory and of blocks in a cluster raised to
        what its launches need.

        Other kernels may be the same function; their launches count, too.
        """
        call, attributes = self._device.driver.call, self._device.driver.api.CUfunction_attribute
        kernel = plan.spec.kernels[name]
        same = {other.name for other in plan.spec.kernels.values() if other.place == kernel.place}
        launches = [launch for launch in plan.spec.launches if launch.kernel in same]
        try:
            module = self._load_module(kernel.module, plan.cubins[target][kernel.module])
            function = call("cuModuleGetFunction", module, kernel.entry.encode())
            shared = max((launch.shared_bytes for launch in launches), default=0)
            if shared > DEFAULT_SHARED_BYTES:
                maximum = attributes.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
                call("cuFuncSetAttribute", function, maximum, shared)
            if any(math.prod(launch.cluster) > PORTABLE_CLUSTER for launch in launches):
                larger = attributes.CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED
                call("cuFuncSetAttribute", function, larger, 1)
        except DriverError as error:
            message = f"cannot load kernel {name} for {target}: {error.message}"
            raise DriverError(message, error.code, error.hint) from error
        return function

    def _load_module(self, name: str, cubin: bytes) -> Any:
        """The handle of the module NAME, which is loaded once."""
        if name not in self._modules:
            module = self._device.create("cuModuleUnload", "cuModuleLoadData", cubin)
            self._released.callback(module.close)
            self._modules[name] = module.value
        return self._modules[name]


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


def choose_target(targets: Sequence[str], capability: tuple[int, int]) -> str:
    """The most specific of TARGETS that runs on a GPU of this compute capability. Raises `DeviceError`.

    Plain machine code runs on its own major version, from its minor version up. With the suffix "a" it runs
    on exactly its version; with the suffix "f" like plain code, within its family. Source: CUDA programming
    guide, "Binary compatibility" and "Feature set compiler targets".
    """
    fitting = [target for target in targets if _runs(target, capability)]
    if fitting:
        return max(fitting, key=_preference)
    major, minor = capability
    have = f"the GPU is sm_{major}{minor}"
    if not targets:
        raise DeviceError(
            f"the plan has no machine code for GPUs; {have}",
            hint=f"build it again with target='sm_{major}{minor}', or load it with device='host'",
        )
    raise DeviceError(
        f"the plan was built for {', '.join(map(clip, targets))}; {have}",
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
