"""Compiling for the host: the cache, the compiler's search, and launches from several threads."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.errors import CompileError, DeviceError
from glassrt.runtime import host_compiler
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_arguments import HostBuffer, HostScalar, HostTensorMap
from glassrt.runtime.host_cache import CompiledCache
from glassrt.runtime.host_memory import aligned_bytes
from glassrt.runtime.launch_rules import Traversal

SCALE = """
#include "glass.cuh"
using namespace glass;
constexpr int FACTOR = %d;
GLASS_KERNEL(64, 1) scale%d(Input<f32> x, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, load(x, i) * f32(FACTOR));
}
"""

BROKEN = '#include "glass.cuh"\nGLASS_KERNEL(1, 1) bad() { no_such_thing(); }'


def source(factor: int) -> dict[str, str]:
    return {f"scale{factor}": SCALE % (factor, factor)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the compiled runtime, so that the tests pay for it once."""
    folder = tmp_path_factory.mktemp("host")
    HostModule(source(1), headers(), folder)
    return folder


def doubled(module: HostModule, factor: int, count: int = 1000) -> None:
    x, y = np.arange(count, dtype=np.float32), np.zeros(count, np.float32)
    module.launch(
        f"scale{factor}", (-(-count // 64), 1, 1), (64, 1, 1), (1, 1, 1), 0, [x, y, HostScalar("i32", count)]
    )
    np.testing.assert_array_equal(y, x * factor)


def libraries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.so"), key=lambda path: path.stat().st_mtime)


def test_the_second_time_nothing_is_compiled(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = HostModule(source(2), headers(), cache)
    monkeypatch.setattr(host_compiler, "_run", None)
    second = HostModule(source(2), headers(), cache)
    assert first.path == second.path
    doubled(second, 2)


def test_kernels_of_several_sources_keep_their_own_names(cache: Path) -> None:
    module = HostModule({**source(3), **source(4), **source(5)}, headers(), cache)
    for factor in (3, 4, 5):
        doubled(module, factor)


def test_sources_headers_and_compiler_are_in_the_key(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {HostModule(source(6), headers(), cache).path}
    changed = {**headers(), "types.cuh": headers()["types.cuh"] + "// changed\n"}
    paths.add(HostModule(source(6), changed, cache).path)
    other = host_compiler.Compiler(host_compiler.find_compiler().command, "another version")
    monkeypatch.setattr(host_compiler, "find_compiler", lambda: other)
    paths.add(HostModule(source(6), headers(), cache).path)
    assert len(paths) == 3


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "swap", "link"])
def test_a_damaged_entry_is_made_again(cache: Path, tmp_path: Path, damage: str) -> None:
    path = HostModule(source(7), headers(), cache).path
    content = path.read_bytes()
    broken = {
        "flip": content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
        "truncate": content[:-1],
        "empty": b"",
        "swap": HostModule(source(1), headers(), cache).path.read_bytes(),
        "link": content,
    }[damage]
    path.unlink()
    if damage == "link":
        outside = tmp_path / "elsewhere.so"
        outside.write_bytes(broken)
        path.symlink_to(outside)
    else:
        path.write_bytes(broken)
    with pytest.warns(UserWarning, match="damaged cache entry"):
        rebuilt = HostModule(source(7), headers(), cache).path
    assert rebuilt.is_file() and not rebuilt.is_symlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doubled(HostModule(source(7), headers(), cache), 7)


def test_the_folder_is_the_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    assert CompiledCache(folder).folder.stat().st_mode & 0o777 == 0o700
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.warns(UserWarning, match="not private or not writable"):
        fallback = CompiledCache(link).folder
    assert fallback.stat().st_mode & 0o777 == 0o700


UNUSABLE = """
import sys, warnings
from pathlib import Path
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.runtime.host import HostModule
warnings.simplefilter("ignore")
modules = [HostModule({name: Path(sys.argv[1]).read_text()}, headers()) for name in ("a", "b")]
print(modules[0].path.parent == modules[1].path.parent, modules[0].path.is_file())
"""


def test_an_unusable_cache_is_not_fatal_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    (tmp_path / "source.cu").write_text(SCALE % (3, 3))
    (tmp_path / "temporary").mkdir()
    settings = {"GLASSRT_CACHE_DIR": str(tmp_path / "in the way"), "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-c", UNUSABLE, str(tmp_path / "source.cu")]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.stdout == "True True\n", done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_cache_without_space_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = CompiledCache(tmp_path / "cache")

    def full(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(DeviceError, match=r"cannot keep compiled kernels in .*No space left"):
        cache.get("key", ".so", full)
    assert list(cache.folder.iterdir()) == []


def test_a_failed_build_leaves_nothing_behind(cache: Path) -> None:
    before = sorted(cache.iterdir())
    with pytest.raises(CompileError, match="refused a kernel") as caught:
        HostModule({"bad": BROKEN}, headers(), cache)
    assert "bad.cu:2" in str(caught.value) and "no_such_thing" in str(caught.value)
    assert str(cache) not in str(caught.value)
    assert sorted(cache.iterdir()) == before


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"../escape": ""}, "is not an identifier"),
        ({"empty": "int x;"}, "declares no kernel"),
    ],
)
def test_odd_sources_are_refused(cache: Path, sources: dict[str, str], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        HostModule(sources, headers(), cache)
    with pytest.raises(CompileError, match="not a plain file name"):
        HostModule(source(1), {"../glass.cuh": ""}, cache)


def test_without_a_compiler_the_error_says_what_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(host_compiler.importlib.util, "find_spec", lambda name: None)
    host_compiler._find_compiler.cache_clear()
    with pytest.raises(DeviceError, match="install g\\+\\+ or clang"):
        HostModule(source(8), headers(), cache)
    host_compiler._find_compiler.cache_clear()
    monkeypatch.setenv("CXX", "/no/such/compiler")
    with pytest.raises(DeviceError, match=r"\$CXX does not answer"):
        HostModule(source(8), headers(), cache)


def test_cxx_chooses_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    command = shutil.which("c++") or shutil.which("g++")
    assert command
    monkeypatch.setenv("CXX", f"{command} -pipe")
    assert host_compiler.find_compiler().command == (command, "-pipe")


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


def _build_in_process(folder: str) -> None:
    doubled(HostModule(source(10), headers(), Path(folder)), 10)


def test_processes_share_a_cache(cache: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_build_in_process, args=(str(cache),)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 8
    assert not list(cache.glob("new-*"))


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


def test_buffers_lie_inside_their_arrays() -> None:
    with pytest.raises(DeviceError, match="outside an array of 16 bytes"):
        HostBuffer.of(np.zeros(4, np.float32), 8, 12)
    with pytest.raises(DeviceError, match="contiguous"):
        HostBuffer.of(np.zeros((4, 4), np.float32)[:, 1])


@pytest.mark.parametrize(
    "scalar", [HostScalar("i32", 2**31), HostScalar("u32", -1), HostScalar("i64", 2**63)]
)
def test_scalars_fit_their_kind(scalar: HostScalar) -> None:
    with pytest.raises(DeviceError, match="does not fit a scalar"):
        scalar.pack()


@pytest.mark.parametrize(
    ("dims", "strides", "traversal", "message"),
    [
        ((8, 8), (), Traversal((8, 4)), "a tensor map has 0 strides for 2 dimensions"),
        ((8, 8), (8,), Traversal((8, 4)), "a tensor map has a stride of 8 bytes"),
        ((8, 8), (16,), Traversal((8, 512)), "a tensor map has a box size of 512"),
        ((8, 0), (16,), Traversal((8, 4)), "a tensor map has a size of 0"),
        ((8, 8, 8), (16, 16), Traversal((8, 4, 1), interleave="16B"), "no interleaved tensor maps"),
    ],
)
def test_tensor_maps_are_checked(
    dims: tuple[int, ...], strides: tuple[int, ...], traversal: Traversal, message: str
) -> None:
    buffer = HostBuffer.of(aligned_bytes(1024))
    assert len(HostTensorMap(buffer, "f16", (8, 8), (16,), Traversal((8, 4))).pack()) == 128
    with pytest.raises(DeviceError, match=message):
        HostTensorMap(buffer, "f16", dims, strides, traversal).pack()


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


def test_what_others_could_plant_in_the_cache_is_not_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    planted = folder / f"key.{hashlib.sha256(b'evil').hexdigest()}.so"
    planted.write_bytes(b"evil")
    with pytest.warns(UserWarning, match="emptied"):
        cache = CompiledCache(folder)
        assert not planted.exists()
    planted.write_bytes(b"evil")
    planted.chmod(0o666)
    with pytest.warns(UserWarning, match="deleted"):
        assert cache.find("key", ".so") is None
