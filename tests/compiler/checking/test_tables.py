"""`glassrt check`: what its tables show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...places import DIGITS
from ..cli.check_reports import report
from ..cli.support import Glassrt


def test_the_tables_name_kernels_ops_and_nodes(glassrt: Glassrt) -> None:
    result = glassrt("check", DIGITS, "-d", "host", "--size", "N=1")
    for text in ("launches, worst first", "conv, add, relu", "gemm_22", "inherited", "within bounds"):
        assert text in result.stdout
    assert "outputs against ONNX Runtime" in result.stdout


def test_values_beyond_the_range_are_shown(glassrt: Glassrt, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=np.full((1, 1, 8, 8), 7e4, np.float32))
    arguments = (DIGITS, "-d", "host", "-p", "fp16", "-i", tmp_path / "x.npz")
    assert "values outside the range" in glassrt("check", *arguments, code=1).stdout
    launches = report(glassrt, *arguments, code=1)["launches"]
    (first,) = [launch for launch in launches if launch["index"] == 0]
    assert first["overflows"] > 0 and first["stored"] == "f16"
