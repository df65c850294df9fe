"""The kernel cache: what it returns, and that nothing found on disk is trusted (threat T11)."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from glassrt.codegen.nvrtc.cache import CacheEntry, KernelCache
from glassrt.runtime.caches import content_key

KEY, OTHER = content_key(["one"]), content_key(["other"])
ENTRY = CacheEntry(cubin=b"\x7fELF" + bytes(range(256)), log="ptxas info: fine\n")


@pytest.fixture
def cache(tmp_path: Path) -> KernelCache:
    filled = KernelCache(tmp_path)
    filled.store(KEY, ENTRY, "source text\n")
    return filled


def files(cache: KernelCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()}


def test_an_entry_comes_back_with_its_source_beside_it(cache: KernelCache) -> None:
    assert cache.load(KEY) == ENTRY
    assert KernelCache(cache.folder.parent).load(KEY) == ENTRY
    assert files(cache) == {f"{KEY}.entry", f"{KEY}.cu"}
    assert (cache.folder / f"{KEY}.cu").read_text() == "source text\n"
    assert cache.load(OTHER) is None


def test_the_folder_is_private_and_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLASSRT_CACHE_DIR", str(tmp_path / "mine"))
    folder = KernelCache().folder
    assert folder.parent == tmp_path / "mine"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_every_flipped_byte_and_truncation_is_noticed(cache: KernelCache) -> None:
    path = cache.folder / f"{KEY}.entry"
    good = path.read_bytes()
    damaged = [good[:size] for size in range(len(good))]
    damaged += [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in range(len(good))]
    for data in damaged:
        path.write_bytes(data)
        assert cache.load(KEY) is None
        assert not path.exists()
    cache.store(KEY, ENTRY, "")
    assert cache.load(KEY) == ENTRY


def test_a_swapped_entry_is_warned_about_deleted_and_rebuilt(
    cache: KernelCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.store(OTHER, CacheEntry(b"other", "other"), "")
    os.replace(cache.folder / f"{OTHER}.entry", cache.folder / f"{KEY}.entry")
    with caplog.at_level(logging.WARNING, "glassrt"):
        assert cache.load(KEY) is None
    assert "the entry of another kernel" in caplog.text
    assert f"{KEY}.entry" not in files(cache)
    cache.store(KEY, ENTRY, "")
    assert cache.load(KEY) == ENTRY


def test_a_link_is_deleted_and_its_target_left(
    cache: KernelCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = cache.folder / f"{KEY}.entry"
    target = tmp_path / "elsewhere"
    path.rename(target)
    path.symlink_to(target)
    assert cache.load(KEY) is None
    assert "rebuilding" in caplog.text
    assert not path.is_symlink() and target.exists()


def test_a_file_that_others_can_write_is_deleted(cache: KernelCache) -> None:
    path = cache.folder / f"{KEY}.entry"
    path.chmod(0o666)
    assert cache.load(KEY) is None
    assert not path.exists()


def test_special_files_do_not_block_or_crash(cache: KernelCache) -> None:
    path = cache.folder / f"{KEY}.entry"
    path.unlink()
    os.mkfifo(path)
    assert cache.load(KEY) is None
    path = cache.folder / f"{OTHER}.entry"
    path.mkdir()
    assert cache.load(OTHER) is None
    cache.store(OTHER, ENTRY, "")


def test_a_folder_that_others_can_write_is_emptied(
    cache: KernelCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.folder.chmod(0o777)
    (cache.folder / "notes.txt").write_text("not the cache's")
    again = KernelCache(cache.folder.parent)
    assert "emptied" in caplog.text
    assert files(again) == {"notes.txt"}
    assert stat.S_IMODE(again.folder.stat().st_mode) == 0o700
    again.store(KEY, ENTRY, "")
    assert again.load(KEY) == ENTRY


def test_a_folder_that_is_a_link_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("")
    folder = KernelCache(tmp_path / "root").folder
    folder.rmdir()
    folder.symlink_to(elsewhere)
    cache = KernelCache(tmp_path / "root")
    assert "symbolic link" in caplog.text
    assert not cache.folder.is_symlink() and (elsewhere / "kept").exists()
    cache.store(KEY, ENTRY, "")
    assert cache.load(KEY) == ENTRY


def test_an_impossible_folder_is_not_fatal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    cache = KernelCache(tmp_path / "file" / "below")
    assert "not using the kernel cache" in caplog.text
    cache.store(KEY, ENTRY, "")
    cache.trim()
    assert cache.load(KEY) is None


def test_a_full_disk_is_not_fatal(
    cache: KernelCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.store(OTHER, ENTRY, "")
    assert "No space left" in caplog.text
    assert files(cache) == {f"{KEY}.entry", f"{KEY}.cu"}


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    size = 1000
    cache = KernelCache(tmp_path, limit_bytes=4 * size)
    keys = [content_key([str(i)]) for i in range(6)]
    for age, key in enumerate(keys):
        cache.store(key, CacheEntry(bytes(size - 200), ""), "")
        for path in cache.folder.glob(f"{key}.*"):
            os.utime(path, (1000 + age, 1000 + age))
    assert cache.load(keys[0]) is not None
    cache.trim()
    kept = [key for key in keys if f"{key}.entry" in files(cache)]
    assert kept == [keys[0], *keys[-3:]]
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 4 * size


PROCESS = """
import sys
from pathlib import Path
from glassrt.codegen.nvrtc.cache import CacheEntry, KernelCache
from glassrt.runtime.caches import content_key
cache = KernelCache(Path(sys.argv[1]), limit_bytes=20_000)
for turn in range(60):
    key = content_key([str(turn % 7)])
    entry = CacheEntry(key.encode() * 50, str(turn % 7))
    found = cache.load(key)
    assert found is None or found == entry
    cache.store(key, entry, key)
    cache.trim()
"""


def test_eight_processes_share_one_cache(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROCESS, str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    for process in running:
        errors = process.communicate()[1]
        assert process.returncode == 0, errors
        assert "rebuilding" not in errors
