"""Cleanup at the end of a `with`, and at the end of the process if that comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from glassrt.runtime import leftovers
from glassrt.runtime.leftovers import clear_all, cleared, temporary_folder


def test_cleanup_comes_once_at_the_end_of_the_block() -> None:
    calls, others = list[str](), dict(leftovers._present)
    with pytest.raises(KeyError), cleared(lambda: calls.append("a")):
        assert calls == []
        raise KeyError
    assert calls == ["a"]
    with cleared(lambda: calls.append("b")):
        with cleared(lambda: calls.append("c")):
            clear_all()
        assert calls[1:] == ["b", "c", "c"]
    assert calls[1:] == ["b", "c", "c", "b"] and leftovers._present == others


def test_one_that_fails_keeps_no_other_from_its_turn() -> None:
    calls: list[str] = []

    def fail() -> None:
        calls.append("fail")
        if len(calls) == 1:
            raise OSError

    with cleared(fail), cleared(lambda: calls.append("after")):
        clear_all()
        assert calls == ["fail", "after"]


def test_a_temporary_folder_goes_with_what_is_in_it() -> None:
    with temporary_folder() as folder:
        (folder / "a").mkdir()
        (folder / "a" / "b").write_text("c")
    assert not folder.exists()


PROGRAM = """
import os, pathlib, sys
from glassrt.runtime.leftovers import clear_all, cleared_at_the_end, temporary_folder
with temporary_folder() as folder:
    print(folder)
    cleared_at_the_end(lambda: pathlib.Path(sys.argv[1]).unlink())
    if sys.argv[2] == "hard":
        clear_all()
        os._exit(0)
"""


@pytest.mark.parametrize("end", ["hard", "soft"])
def test_the_process_may_end_first(tmp_path: Path, end: str) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "file"), end]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).exists() and not (tmp_path / "file").exists()
