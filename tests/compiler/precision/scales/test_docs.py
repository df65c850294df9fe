"""What the page on calibration says is true: its commands and its code run, and its table is real."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from glassrt import CalibrationTable
from glassrt.compiler.cli.app import app
from typer.testing import CliRunner

from ....places import ROOT

PAGE = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """The blocks of a KIND, as one."""
    return "".join(re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for place in (tmp_path, tmp_path / "examples"):
        place.mkdir(exist_ok=True)
        for name in ("digits.onnx", "digits_test.npz"):
            shutil.copy(ROOT / "examples" / name, place)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_commands_run_and_its_table_is_what_they_write(folder: Path) -> None:
    for line in block("sh").splitlines():
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
    text = (folder / "digits.table").read_text(encoding="utf-8")
    example = CalibrationTable.parse(text[: text.index("\ntensor")] + "\n" + block("text"))
    ((name, shown),) = example.tensors.items()
    real = CalibrationTable.load(folder / "digits.table")[name]
    assert shown.chosen_by == real.chosen_by and list(shown.estimates) == list(real.estimates)
    assert shown.clip == pytest.approx(real.clip, rel=1e-3)
    for calibrator, row in shown.estimates.items():
        assert (row.int8, row.fp8) == pytest.approx(
            (real.estimates[calibrator].int8, real.estimates[calibrator].fp8), abs=0.05
        )
    assert CalibrationTable.load(folder / "percentile.table").calibrator == "percentile"


def test_its_python_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "calibration.md", "exec"), {})
    shown = capsys.readouterr().out
    assert float(shown.split()[0]) == pytest.approx(float(shown.split()[1]) * 448 / 127)
    assert "Estimate(clip=" in shown and (folder / "digits.table").is_file()
