"""The engine on a real GPU: what the fake driver cannot show."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.errors import DeviceError, OutOfMemoryError
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.cuda import process_driver
from glassrt.runtime.cuda_device import CudaDevice
from glassrt.runtime.dlpack import export_tensor

from .tiny_plans import (
    ADD,
    BYTES,
    COPY_TILE,
    DOUBLE,
    ELEMENTS,
    affine,
    affine_plan,
    buffer,
    launch,
    real_headers,
    tile_plan,
)

pytestmark = pytest.mark.gpu


def compiled(plan_with: Any, sources: dict[str, str], change: Any = None) -> Plan:
    """A plan with machine code for the GPU that is here."""
    major, minor = CudaDevice(process_driver(), 0).capability
    target = f"sm_{major}{minor}" + ("a" if major >= 9 else "")
    kernels = compile_kernels(sources, target, real_headers(), None)

    def retarget(manifest: dict[str, Any]) -> None:
        manifest["targets"] = [target]
        if change is not None:
            change(manifest)

    cubins = {target: {name: kernel.cubin for name, kernel in kernels.items()}}
    built: Plan = plan_with(retarget, sources=sources, cubins=cubins, headers=real_headers())
    return built


@pytest.fixture(scope="module")
def gpu_plan() -> Plan:
    return compiled(affine_plan, {"k0_double": DOUBLE, "k1_add": ADD})


@pytest.fixture
def engine(gpu_plan: Plan) -> Iterator[Engine]:
    with load(gpu_plan, "cuda") as engine:
        yield engine


def batch(size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(size).standard_normal((size, 4)).astype(np.float32)


def test_every_batch(engine: Engine) -> None:
    for size in (1, 32, 7, 8, 7, 32, *range(1, 33)):
        x = batch(size)
        np.testing.assert_array_equal(engine.run({"x": x})["y"], affine(x))


def test_results_feed_the_next_run_where_they_lie(engine: Engine) -> None:
    x = batch(8)
    first = engine.run({"x": Resident(x)})["y"]
    second = engine.run({"x": first})["y"]
    assert second.__dlpack_device__() == (2, 0)
    np.testing.assert_array_equal(second.numpy(), affine(affine(x)))


class Resident:
    """An array in GPU memory, put there with nothing but the driver."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        device = CudaDevice(process_driver(), 0)
        with device.current():
            self._memory = device.allocate(array.nbytes)
            device.driver.call("cuMemcpyHtoD", self._memory.value, array.ctypes.data, array.nbytes)
        self._shape = array.shape

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0

    def __dlpack__(self, *, stream: int | None = None) -> object:
        return export_tensor(self, int(self._memory), (2, 0), "f32", self._shape)


def test_profile_and_time(engine: Engine) -> None:
    records = engine.profile({"x": batch(32)}, repeats=20)
    assert [record.name for record in records] == ["k0_double", "k1_add"]
    assert all(0.1 < record.microseconds < 1000 for record in records)
    times = engine.time({"x": batch(32)}, repeats=50, warmup=5)
    assert len(times) == 50 and 0.0001 < float(np.median(times)) < 10


def test_debug_mode(gpu_plan: Plan) -> None:
    x = batch(5)
    with load(gpu_plan, "cuda:0", debug=True) as engine:
        np.testing.assert_array_equal(engine.run({"x": x})["y"], affine(x))


def test_streams_fork_and_join() -> None:
    def branches(manifest: dict[str, Any]) -> None:
        manifest["outputs"].append({"name": "z", "dtype": "f32", "shape": ["N", 4]})
        manifest["buffers"].append({"name": "out1", "space": "output", "index": 1, "bytes": BYTES})
        double = [("in0", "b0", 0, []), ("b0", "out0", 0, []), ("b0", "out1", 1, [0])]
        manifest["launches"] = [
            launch(
                "k0_double",
                [buffer(source), buffer(to), {"scalar": ELEMENTS}],
                stream=stream,
                waits=waits,
            )
            for source, to, stream, waits in double
        ]

    x = batch(9)
    results = load(compiled(affine_plan, {"k0_double": DOUBLE, "k1_add": ADD}, branches), "cuda").run(
        {"x": x}
    )
    np.testing.assert_array_equal(results["y"], 4 * x)
    np.testing.assert_array_equal(results["z"], 4 * x)


def test_a_tensor_map() -> None:
    x = batch(32)
    plan = compiled(tile_plan, {"k2_tile": COPY_TILE})
    for device in ("cuda", "host"):
        np.testing.assert_array_equal(load(plan, device).run({"x": x})["y"], x)


def test_eight_threads(engine: Engine) -> None:
    wrong: list[int] = []

    def work(seed: int) -> None:
        for size in range(1, 17):
            x = batch(size) + seed
            if not np.array_equal(engine.run({"x": x})["y"], affine(x)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# The driver functions that make something -> those that release it.
MAKES = {
    "cuMemAlloc": "cuMemFree",
    "cuMemHostAlloc": "cuMemFreeHost",
    "cuStreamCreate": "cuStreamDestroy",
    "cuEventCreate": "cuEventDestroy",
    "cuModuleLoadData": "cuModuleUnload",
    "cuGraphCreate": "cuGraphDestroy",
    "cuStreamEndCapture": "cuGraphDestroy",
    "cuGraphInstantiate": "cuGraphExecDestroy",
}


class Watched:
    """The bindings of the driver, with a record of what has been made and not released.

    The memory that the driver says is free would do only where no other process uses the GPU.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self.made = 0
        self.live: set[tuple[str, int]] = set()

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._api, name)
        if name not in MAKES and name not in MAKES.values():
            return function

        def call(*arguments: Any) -> Any:
            answer = function(*arguments)
            if name in MAKES and not answer[0]:
                self.made += 1
                self.live.add((MAKES[name], int(answer[1])))
            elif name not in MAKES:
                assert not answer[0], f"{name} failed"
                self.live.discard((name, int(arguments[0])))  # others may have been made before
            return answer

        return call


def test_memory_comes_back(gpu_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = process_driver()
    watched = Watched(driver.api)
    monkeypatch.setattr(driver, "api", watched)
    for _ in range(3):
        made = watched.made
        with load(gpu_plan, "cuda") as engine:
            engine.run({"x": batch(3)})
            assert {release for release, _ in watched.live} >= {"cuMemFree", "cuModuleUnload"}
        assert watched.made > made and not watched.live


def test_out_of_memory(gpu_plan: Plan) -> None:
    def huge(manifest: dict[str, Any]) -> None:
        manifest["arena_bytes"] = 1 << 44

    x = batch(3)
    engine = load(compiled(affine_plan, {"k0_double": DOUBLE, "k1_add": ADD}, huge), "cuda")
    with pytest.raises(OutOfMemoryError, match=f"{1 << 44} bytes wanted"):
        engine.run({"x": x})
    np.testing.assert_array_equal(load(gpu_plan, "cuda").run({"x": x})["y"], affine(x))


def wild() -> None:
    """Run in a process of its own: a plan whose second kernel writes far outside, twice."""
    wild_add = ADD.replace("y[i] = ", "y[i + (1ll << 40)] = ")
    engine = load(compiled(affine_plan, {"k0_double": DOUBLE, "k1_add": wild_add}), "cuda")
    for _ in range(2):
        try:
            engine.run({"x": batch(3)})
        except DeviceError as error:
            print(error)


@pytest.mark.parametrize("debug", ["0", "1"])
def test_a_kernel_that_writes_outside(debug: str) -> None:
    code = "from glassrt.tests.runtime.test_gpu import wild; wild()"
    environment = os.environ | {"GLASSRT_DEBUG_SYNC": debug}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("CUDA_ERROR_ILLEGAL_ADDRESS") == 2
    assert "earlier failure" in result.stdout
    assert ("kernel k1_add" in result.stdout) == (debug == "1")
