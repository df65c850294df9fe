"""The stacks of the host device's threads: how many mappings they take, and what happens without room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.errors import DeviceError
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_arguments import HostArgument

THREADS = 512
MEET = """
#include "glass.cuh"
using namespace glass;
GLASS_KERNEL(512, 1) meet(Output<i32> y) {
    GLASS_DYNAMIC_SHARED(bytes);
    i32* const shared = reinterpret_cast<i32*>(bytes);
    shared[thread_x()] = thread_x();
    sync_threads();
    store(y, i64(block_x()) * threads_x() + thread_x(), shared[threads_x() - 1 - thread_x()]);
}
"""
DEEP = """
#include "glass.cuh"
using namespace glass;
GLASS_KERNEL(1, 1) deep(Output<i32> y, const int n) {
    volatile i32 local[%d];
    for (int i = n; i > 0; i--) local[i - 1] = i;
    store(y, i64(0), local[n / 2]);
}
"""
WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
import numpy as np
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.errors import DeviceError
from glassrt.runtime.host import HostModule
module = HostModule({"meet": sys.argv[1]}, headers(), Path(sys.argv[2]), workers=1)
y = np.zeros(512, np.int32)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), hard))
try:
    module.launch("meet", (1, 1, 1), (512, 1, 1), (1, 1, 1), 2048, [y])
except DeviceError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
module.launch("meet", (1, 1, 1), (512, 1, 1), (1, 1, 1), 2048, [y])
print("then", y[0])
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("host")


def mappings() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


def meet(module: HostModule) -> None:
    y = np.full(4 * THREADS, -1, np.int32)
    module.launch("meet", (4, 1, 1), (THREADS, 1, 1), (1, 1, 1), 4 * THREADS, [y])
    np.testing.assert_array_equal(y.reshape(4, -1), np.tile(np.arange(THREADS)[::-1], (4, 1)))


@linux
def test_stacks_share_mappings(cache: Path) -> None:
    """A system gives a process some 65,000: a pair for every fiber of every plan would not do."""
    before = mappings()
    modules = [HostModule({"meet": MEET + "//" * count}, headers(), cache, workers=1) for count in range(3)]
    for module in modules:
        meet(module)
    held = mappings() - before
    assert held < len(modules) * (THREADS // 8 + 20)
    del modules, module
    assert mappings() - before <= held // 2  # the libraries stay, their stacks do not


def test_a_module_works_after_another_of_its_library_has_gone(cache: Path) -> None:
    first, second = (HostModule({"meet": MEET}, headers(), cache) for _ in range(2))
    meet(first)
    del first
    meet(second)


@pytest.mark.parametrize("kib", [64, 250])
def test_a_stack_that_runs_out(cache: Path, kib: int) -> None:
    """Of 256 KiB a thread may use 248; what lies below is spare, so that nothing else is damaged."""
    count = kib * 256
    module = HostModule({"deep": DEEP % count}, headers(), cache)
    y = np.zeros(1, np.int32)
    arguments: list[HostArgument] = [y, np.int32(count)]
    try:
        module.launch("deep", (1, 1, 1), (1, 1, 1), (1, 1, 1), 0, arguments)
    except DeviceError as error:
        assert kib == 250 and "used more than 253952 bytes of stack" in str(error)
    else:
        assert kib == 64 and y[0] == count // 2 + 1


@linux
def test_no_memory_for_stacks_is_an_error_of_the_launch(cache: Path) -> None:
    HostModule({"meet": MEET}, headers(), cache)
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOM, MEET, str(cache)], capture_output=True, text=True, check=True
    )
    assert "no memory left for the stacks of 512 threads" in result.stdout
    assert result.stdout.endswith("then 511\n")
