"""Files that are complete or not there at all, on a disk that is full at any moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from glassrt.errors import GlassError, InputError, PlanError
from glassrt.runtime.leftovers import clear_all
from glassrt.runtime.whole_files import WholeFiles, WholeFolder, content, path_of, write_whole


def full(*_: Any) -> Any:
    raise OSError(28, "No space left on device")


def half(file: BinaryIO) -> None:
    file.write(b"half")
    full()


@pytest.fixture(params=["write", "fsync", "replace"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where it is noticed that the disk is full."""
    if request.param != "write":
        monkeypatch.setattr(os, request.param, full)
    yield request.param


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path: Path, disk: str) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"before")
    with pytest.raises(PlanError, match=r"cannot write .*out\.bin: No space left on device"):
        write_whole(path, half if disk == "write" else content(b"after"), PlanError)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_files_appear_together_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(GlassError, match="No space left"), WholeFiles() as files:
        files.write(tmp_path / "a", content(b"a"))
        files.write(tmp_path / "b", half)
    assert list(tmp_path.iterdir()) == []
    with WholeFiles() as files:
        files.write(tmp_path / "a", content(b"a"))
        assert not (tmp_path / "a").exists()
        files.write(tmp_path / "b", content(b"b"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_folder_leaves_no_parts(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "before").touch()
    for folder in (tmp_path / "there", tmp_path / "new" / "er"):
        dumps = WholeFolder(folder)
        dumps.write("1", content(b"1"))
        dumps.write("inner/2", content(b"2"))
        assert (folder / "inner" / "2").read_bytes() == b"2"
        with pytest.raises(GlassError, match="No space left"):
            dumps.write("3", half)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["before", "there"]


def test_what_is_half_written_goes_when_the_process_is_ended(tmp_path: Path) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"half")
        assert len(list(tmp_path.iterdir())) == 1
        clear_all()
        assert list(tmp_path.iterdir()) == []
        full()

    with pytest.raises(GlassError):
        write_whole(tmp_path / "out", write)


def test_long_names_can_be_written(tmp_path: Path) -> None:
    write_whole(tmp_path / ("n" * 255), content(b""))
    with pytest.raises(GlassError, match="cannot write"):
        write_whole(tmp_path / ("n" * 256), content(b""))


@pytest.mark.parametrize("path", [None, 5, b"bytes", "", ".", "a\0b", ["a"]])
def test_what_is_no_path(path: object) -> None:
    with pytest.raises(InputError):
        path_of(path)
