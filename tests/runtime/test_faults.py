"""Whatever the driver does, the caller gets a typed error, and everything is given back."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from glassrt.errors import DeviceError, GlassError, OutOfMemoryError
from glassrt.runtime import Plan

from .fake_driver import ILLEGAL_ADDRESS, INVALID_VALUE, NO_BINARY, OUT_OF_MEMORY, FakeDriver
from .tiny_engines import GpuTensor, X, engine_on
from .tiny_plans import affine, affine_plan


def scenario(api: FakeDriver, plan: Plan) -> None:
    """A life of an engine: load, run in two shapes, profile, time, bound launches, close."""
    with engine_on(api, plan) as engine:
        np.testing.assert_array_equal(engine.run({"x": X})["y"], affine(X))
        np.testing.assert_array_equal(engine.run({"x": X[:1]})["y"], affine(X[:1]))
        engine.profile({"x": X}, repeats=1)
        engine.time({"x": X}, repeats=2, warmup=0)
        with engine.context() as context:
            context.run({"x": X})
            binding = context.bind({"x": GpuTensor(X)})
            for stream in (None, 5000):
                binding.launch(stream)
            binding.wait()
            np.testing.assert_array_equal(binding.outputs["y"].numpy(), affine(X))


def calls_of(plan: Plan) -> int:
    api = FakeDriver()
    scenario(api, plan)
    return len(api.log)


@pytest.fixture
def few_objects() -> Iterator[None]:
    """Collections look at what a test makes, not at all that a long run of pytest has made before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("few_objects")
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


def test_code_that_the_driver_refuses_names_the_kernel(fake: FakeDriver) -> None:
    plan = affine_plan(cubins={"sm_90a": {"k0_double": b"nonsense", "k1_add": b"cubin of k1_add"}})
    with pytest.raises(DeviceError, match="cannot load kernel k0_double for sm_90a: CUDA_ERROR_NO_BINARY"):
        engine_on(fake, plan)
    gc.collect()
    assert not fake.live


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
