"""What the page on pictures says is true: its commands run and write what they name."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from glassrt.compiler.cli.app import app
from typer.testing import CliRunner

from .pages import ROOT, joined

PAGE = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")


def test_its_commands_write_pages_and_graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "digits_test.npz", tmp_path / "examples")
    shutil.copy(ROOT / "examples" / "digits.onnx", tmp_path)
    monkeypatch.chdir(tmp_path)
    lines = joined(PAGE, "sh").splitlines()
    assert len(lines) > 3
    for line in lines:
        command, _, written = line.partition(" > ")
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, (line, result.output, result.exception)
        if written:
            (tmp_path / written).write_text(result.stdout)
    assert (tmp_path / "digits.dot").read_text().startswith("digraph plan {")
    assert '"tensors":[{' in (tmp_path / "digits.html").read_text()


def test_its_table_names_the_views_of_the_page() -> None:
    script = (ROOT / "templates" / "report" / "start.js").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| ", PAGE, re.MULTILINE)
    assert rows[0] == "view" and rows[1:] == re.findall(r'\["\w+", "([A-Z]\w+)"\]', script)
