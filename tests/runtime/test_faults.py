"""Whatever the driver does, the caller gets a typed error, and everything is given back."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, GlassError, OutOfMemoryError
from glassrt.runtime import Engine, Plan
from glassrt.runtime.cuda import choose_target, device_count, device_target, open_backend
from glassrt.runtime.cuda_driver import Driver

from .fake_driver import ILLEGAL_ADDRESS, INVALID_VALUE, NO_BINARY, OUT_OF_MEMORY, FakeDriver
from .tiny_plans import affine, affine_plan

X = np.arange(12, dtype=np.float32).reshape(3, 4)


def engine_on(api: Any, plan: Plan, debug: bool = False) -> Engine:
    return Engine(plan, open_backend(0, debug, Driver(api)))


def scenario(api: FakeDriver, plan: Plan) -> None:
    """A life of an engine: load, run in two shapes, profile, time, a result on the device, close."""
    with engine_on(api, plan) as engine:
        np.testing.assert_array_equal(engine.run({"x": X})["y"], affine(X))
        np.testing.assert_array_equal(engine.run({"x": X[:1]})["y"], affine(X[:1]))
        engine.profile({"x": X}, repeats=1)
        engine.time({"x": X}, repeats=2, warmup=0)
        with engine.context() as context:
            context.run({"x": X})


def calls_of(plan: Plan) -> int:
    api = FakeDriver()
    scenario(api, plan)
    return len(api.log)


@pytest.mark.parametrize("code", [INVALID_VALUE, OUT_OF_MEMORY, NO_BINARY, ILLEGAL_ADDRESS])
def test_every_call_may_fail(plan: Plan, code: int) -> None:
    count = calls_of(plan)
    assert count > 100
    for index in range(count):
        api = FakeDriver(fail_at=index, fail_code=code)
        caught = None
        try:
            scenario(api, plan)
        except GlassError as error:
            caught = error
            assert isinstance(error, DeviceError)
            if code == OUT_OF_MEMORY:
                assert isinstance(error, OutOfMemoryError), api.log[index]
        # Only failures on the way out may pass unnoticed: there is nothing to be done about them.
        harmless = ("Destroy", "Free", "Unload", "Release", "CtxPop", "CtxPush")
        assert caught is not None or any(part in api.log[index] for part in harmless)
        del caught
        if api.live:
            gc.collect()
        assert not api.live, f"{api.log[index]} (call {index}) failed and leaked {set(api.live.values())}"


def test_after_a_passing_failure_the_next_run_works(plan: Plan) -> None:
    probe = FakeDriver()
    with engine_on(probe, plan) as engine:
        start = len(probe.log)
        engine.run({"x": X})
        stop = len(probe.log)
    for index in range(start, stop):
        api = FakeDriver(fail_at=index, fail_code=OUT_OF_MEMORY)
        with engine_on(api, plan) as engine:
            with contextlib.suppress(DeviceError):
                engine.run({"x": X})
            np.testing.assert_array_equal(engine.run({"x": X})["y"], affine(X))


def test_out_of_memory_says_how_much(fake: FakeDriver) -> None:
    def big(manifest: dict[str, Any]) -> None:
        manifest["arena_bytes"] = 1 << 40

    engine = engine_on(fake, affine_plan(big))
    before = dict(fake.live)
    with pytest.raises(OutOfMemoryError, match=f"{1 << 40} bytes wanted, {1 << 30} of {1 << 31} free"):
        engine.run({"x": X})
    gc.collect()
    assert fake.live == before
    fake.free_bytes = 1 << 50
    fake._memory = lambda kind, size: FakeDriver._memory(fake, kind, min(size, 4096))  # type: ignore[method-assign]
    np.testing.assert_array_equal(engine.run({"x": X})["y"], affine(X))


def test_a_sticky_error_poisons_the_device(fake: FakeDriver, plan: Plan) -> None:
    driver = Driver(fake)
    engine = Engine(plan, open_backend(0, False, driver))
    engine.run({"x": X})
    fake.faulty_kernel = "k1_add"
    with pytest.raises(DeviceError, match="CUDA_ERROR_ILLEGAL_ADDRESS") as caught:
        engine.run({"x": X})
    assert "restart the process" in str(caught.value)
    start = len(fake.log)
    with pytest.raises(DeviceError, match="earlier failure: CUDA_ERROR_ILLEGAL_ADDRESS"):
        engine.run({"x": X})
    assert fake.log[start:] == []
    with pytest.raises(DeviceError, match="earlier failure"):
        Engine(plan, open_backend(0, False, driver))


@pytest.mark.parametrize("kernel", ["k0_double", "k1_add"])
def test_debug_mode_names_the_kernel(
    fake: FakeDriver, plan: Plan, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_on(fake, plan, debug=True)
    np.testing.assert_array_equal(engine.run({"x": X})["y"], affine(X))
    assert "cuGraphLaunch" not in fake.log
    fake.faulty_kernel = kernel
    with pytest.raises(DeviceError, match=f"kernel {kernel} .*CUDA_ERROR_ILLEGAL_ADDRESS"):
        engine.run({"x": X})


@pytest.mark.parametrize(
    ("targets", "capability", "chosen"),
    [
        (["sm_90a"], (9, 0), "sm_90a"),
        (["sm_90", "sm_90a"], (9, 0), "sm_90a"),
        (["sm_80", "sm_86"], (8, 9), "sm_86"),
        (["sm_86", "sm_80"], (8, 0), "sm_80"),
        (["sm_100", "sm_100f"], (10, 3), "sm_100f"),
        (["sm_100a", "sm_100"], (10, 3), "sm_100"),
        (["sm_120"], (12, 1), "sm_120"),
        (["sm_90a"], (9, 1), None),
        (["sm_90a"], (10, 0), None),
        (["sm_86"], (8, 0), None),
        (["sm_80"], (9, 0), None),
        ([], (9, 0), None),
    ],
)
def test_targets_for_a_gpu(targets: list[str], capability: tuple[int, int], chosen: str | None) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["targets"] = targets

    spec = affine_plan(change).spec
    if chosen is not None:
        assert choose_target(spec, capability) == chosen
        return
    with pytest.raises(DeviceError, match=f"the GPU is sm_{capability[0]}{capability[1]}") as caught:
        choose_target(spec, capability)
    assert "build it again with target=" in str(caught.value)


@pytest.mark.parametrize(
    ("capability", "target"), [((8, 6), "sm_86"), ((9, 0), "sm_90a"), ((12, 0), "sm_120a")]
)
def test_the_target_of_a_gpu(fake: FakeDriver, capability: tuple[int, int], target: str) -> None:
    fake.capability = capability
    assert device_target(0, Driver(fake)) == target
    assert not fake.live


def test_the_wrong_architecture_is_found_before_loading(fake: FakeDriver, plan: Plan) -> None:
    fake.capability = (8, 0)
    with pytest.raises(DeviceError, match=r"built for 'sm_90a'; the GPU is sm_80"):
        engine_on(fake, plan)
    assert "cuModuleLoadData" not in fake.log and "cuMemAlloc" not in fake.log


def test_an_old_driver_is_found_before_loading(fake: FakeDriver, plan: Plan) -> None:
    fake.version = 12040
    with pytest.raises(DeviceError, match=r"needs a driver for CUDA 13\.0 or newer.* is for CUDA 12\.4"):
        engine_on(fake, plan)
    assert "cuModuleLoadData" not in fake.log


def test_code_that_the_driver_refuses_names_the_kernel(fake: FakeDriver) -> None:
    plan = affine_plan(cubins={"sm_90a": {"k0_double": b"nonsense", "k1_add": b"cubin of k1_add"}})
    with pytest.raises(DeviceError, match="cannot load kernel k0_double for sm_90a: CUDA_ERROR_NO_BINARY"):
        engine_on(fake, plan)
    gc.collect()
    assert not fake.live


def test_a_device_that_is_not_there(fake: FakeDriver, plan: Plan) -> None:
    with pytest.raises(DeviceError, match="there is no cuda:3: this machine has 1"):
        Engine(plan, open_backend(3, False, Driver(fake)))


class NoDriver:
    """The bindings on a machine without the driver library."""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> object:
            raise RuntimeError('Failure finding "libcuda.so": No such file: libcuda.so.1')

        return call


def test_no_driver_says_what_is_missing(plan: Plan) -> None:
    with pytest.raises(DeviceError, match=r"the NVIDIA driver cannot be used.*libcuda\.so") as caught:
        engine_on(NoDriver(), plan)
    assert "device='host'" in str(caught.value)
    with pytest.raises(DeviceError):
        device_count(Driver(NoDriver()))


def test_a_thread_may_fail_alone(fake: FakeDriver, plan: Plan) -> None:
    """Out of memory for one thread's context leaves the others running."""
    engine = engine_on(fake, plan)
    engine.run({"x": X})
    fake.free_bytes = 0
    caught: list[Exception] = []

    def work() -> None:
        try:
            engine.run({"x": X})
        except OutOfMemoryError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(caught) == 1
    np.testing.assert_array_equal(engine.run({"x": X})["y"], affine(X))


NUMPY_ONLY = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        allowed = sys.stdlib_module_names | {"numpy", "glassrt"}
        if name.split(".")[0] not in allowed and not name.startswith("__editable__"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
import glassrt.runtime
from glassrt.errors import DeviceError, PlanError
try:
    glassrt.runtime.Plan.from_bytes(b"")
except PlanError:
    pass
from glassrt.runtime.discovery import cuda_devices, open_backend, present_target
assert cuda_devices() == 0 and present_target() is None
try:
    open_backend("cuda")
except DeviceError as error:
    assert "cuda-bindings" in str(error), error
else:
    raise AssertionError
assert not {"cuda", "onnx", "lark", "jinja2", "ml_dtypes"} & set(sys.modules)
"""


def test_the_runtime_needs_numpy_alone() -> None:
    result = subprocess.run([sys.executable, "-c", NUMPY_ONLY], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
