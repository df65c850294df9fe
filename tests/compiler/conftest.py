"""Fixtures of the commands' tests, and of tests of what they show."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt import CalibrationTable, calibrate
from glassrt.compiler.cli.app import app
from typer.testing import CliRunner, Result

from ..places import DIGITS
from .cli.optimized import TWO_RULES
from .cli.support import ADD_RELU, Glassrt


@pytest.fixture
def glassrt() -> Glassrt:
    """The command line: `glassrt("run", path, code=1)` runs it and checks its exit code."""

    def run(*arguments: object, code: int | None = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert code is None or result.exit_code == code, (result.output, result.exception)
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An .ir file of the precision level that builds in no time."""
    path = tmp_path / "net.ir"
    path.write_text(ADD_RELU, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def digits_plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits network for sm_90a and the host."""
    path = tmp_path_factory.mktemp("plans") / "digits.plan"
    result = CliRunner().invoke(app, ["build", str(DIGITS), "-o", str(path), "-t", "sm_90a"])
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="session")
def made() -> CalibrationTable:
    """The calibration table of the digits network from some of its held-out images."""
    held_out = DIGITS.with_name("digits_test.npz")
    return calibrate(DIGITS, held_out, device="interpret", shapes={"N": (1, 30, 64)}, limit=2)


@pytest.fixture
def table(made: CalibrationTable, tmp_path: Path) -> Path:
    """A file with that table, and its histograms beside it."""
    path = tmp_path / "digits.table"
    made.save(path)
    return path


@pytest.fixture
def two_rules(tmp_path: Path) -> Path:
    """What two rules of canonicalize apply to."""
    path = tmp_path / "net.ir"
    path.write_text(TWO_RULES, encoding="utf-8")
    return path
