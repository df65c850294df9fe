"""`glassrt.check` and `glassrt.bisect` from Python."""

from __future__ import annotations

import json
from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt import InputError

from .cli.support import ADD_RELU, Glassrt


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.ir"
    path.write_text(ADD_RELU, encoding="utf-8")
    return path


def test_a_check_is_a_table_that_knows_its_verdict(
    model: Path, glassrt_command: Glassrt, tmp_path: Path
) -> None:
    x = np.float32([[1, 2, -3, 4]])
    found = glassrt.check(model, {"x": x}, device="host")
    assert found.ok and found.device == "host" and found.symbols == {"N": 1}
    assert "within bounds" in repr(found) and "launches, worst first" in found._repr_html_()
    np.savez(tmp_path / "x.npz", x=x)
    told = glassrt_command("check", model, "-d", "host", "-i", tmp_path / "x.npz", "--json")
    assert (
        json.loads(told.stdout)
        == found.to_json()
        == glassrt.check(model, tmp_path / "x.npz", device="host").to_json()
    )
    assert glassrt.bisect(model, sizes={"N": 2}, interpret=True).ok


@pytest.fixture
def glassrt_command(request: pytest.FixtureRequest) -> Glassrt:
    return request.getfixturevalue("glassrt")


def test_arrays_that_do_not_fit_are_refused(model: Path) -> None:
    with pytest.raises(InputError, match="no array for the input 'x'"):
        glassrt.check(model, {"z": np.zeros(3)}, device="host")
    with pytest.raises(InputError, match="no symbolic dimension M"):
        glassrt.check(model, sizes={"M": 3}, device="host")
