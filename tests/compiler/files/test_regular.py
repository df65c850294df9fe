"""Files that a user names are regular ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from glassrt.compiler.files.regular import open_regular


def test_a_regular_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"abc"


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device", "nul"])
def test_anything_else_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "missing":
        path = Path("/dev/zero" if kind == "device" else "a\0b")
    with pytest.raises(OSError):
        open_regular(path)
