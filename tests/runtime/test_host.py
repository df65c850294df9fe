"""Compiling for the host: the cache, the compiler's search, and launches from several threads."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.errors import DeviceError
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_arguments import HostBuffer
from glassrt.runtime.host_memory import aligned_bytes

from .host_modules import doubled, source


def test_kernels_of_several_sources_keep_their_own_names(cache: Path) -> None:
    module = HostModule({**source(3), **source(4), **source(5)}, headers(), cache)
    for factor in (3, 4, 5):
        doubled(module, factor)


def test_threads_launch_the_same_module(cache: Path) -> None:
    module = HostModule(source(9), headers(), cache)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                doubled(module, 9, 20_000)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_prepared_launch_runs_again_and_again(cache: Path) -> None:
    module = HostModule(source(11), headers(), cache)
    arena = aligned_bytes(1024)
    x = arena[:256].view(np.float32)
    launch = module.prepare(
        "scale11",
        (1, 1, 1),
        (64, 1, 1),
        (1, 1, 1),
        0,
        [HostBuffer.of(arena, 0, 256), HostBuffer.of(arena, 512, 256), np.int32(64)],
    )
    for value in (1, 2, 3):
        x[:] = value
        launch.run()
        assert (arena[512:768].view(np.float32) == 11 * value).all()
    assert not arena[256:512].any() and not arena[768:].any()


def test_no_exception_or_compiler_output_reaches_the_terminal(
    cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    module = HostModule(source(12), headers(), cache)
    one = np.zeros(1, np.float32)
    with pytest.raises(DeviceError):
        module.launch("scale12", (1, 1, 1), (64, 1, 1), (1, 1, 1), 0, [one, one, np.int32(64)])
    assert capfd.readouterr() == ("", "")


def test_the_library_exports_nothing_of_the_runtime(cache: Path) -> None:
    nm = shutil.which("nm")
    assert nm, "binutils come with every compiler"
    path = HostModule(source(13), headers(), cache).path
    listing = subprocess.run([nm, "-D", "--defined-only", path], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in listing.stdout.splitlines()}
    assert {"glass_host_launch", "scale13_entry"} <= names
    assert not [name for name in names if name.startswith("_ZN5glass")]
