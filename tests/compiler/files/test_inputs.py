"""Arrays that commands read and write."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from ..cli.running import outputs_of
from ..cli.support import Glassrt


def test_types_that_numpy_lacks_come_from_files(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    text = small.read_text(encoding="utf-8").replace("tensor<Nx4xf32>", "tensor<Nx4xbf16>")
    text = text.replace("4xf32", "4xbf16")
    small.write_text(text, encoding="utf-8")
    np.savez(tmp_path / "x.npz", x=np.ones((2, 4), ml_dtypes.bfloat16))
    glassrt("run", small, "--interpret", "-i", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    y = outputs_of(tmp_path / "y.npz")["y"].view(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(y.astype(np.float32), [[1.5, 0, 3, 1]] * 2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.zeros((2, 4), np.float32)}, "no array for the input 'x'"),
        ({"x": np.zeros((2, 4))}, "float64[2, 4]"),
        ({"x": np.zeros(4, np.float32)}, "float32[4]"),
        ({"x": np.zeros((2, 5), np.float32)}, "5"),
        ({"x": np.array([None])}, "cannot read x.npz"),
    ],
)
@pytest.mark.parametrize("how", ["--interpret", "--device=host"])
def test_inputs_that_do_not_fit_are_refused(
    glassrt: Glassrt, small: Path, tmp_path: Path, arrays: dict[str, np.ndarray], message: str, how: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    result = glassrt("run", small, how, "-i", tmp_path / "x.npz", "-o", tmp_path / "y.npz", code=1)
    assert message in result.stderr
    assert not (tmp_path / "y.npz").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 damaged"])
def test_a_file_that_is_no_npz_is_refused(
    glassrt: Glassrt, small: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    result = glassrt("run", small, "--interpret", "-i", tmp_path / "x.npz", code=1)
    assert "cannot read x.npz as .npz" in result.stderr
