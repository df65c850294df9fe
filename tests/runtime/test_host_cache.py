"""The cache of compiled files: private, and nothing in it is trusted."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.errors import DeviceError
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_cache import CompiledCache

from .host_modules import SCALE, doubled, source


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
