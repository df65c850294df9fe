"""Where a file can be written is known before the work."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from glassrt.compiler.cli.files import check_output


def test_a_file_may_be_new_or_replaced(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    check_output(tmp_path / "new", "-o")
    check_output(tmp_path / "old", "-o")


def test_folders_and_what_lies_in_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="exists and is not a regular file") as caught:
        check_output(tmp_path, "--to")
    assert caught.value.param_hint == "--to"
    with pytest.raises(typer.BadParameter, match="there is no folder"):
        check_output(tmp_path / "a" / "b", "-o")
