"""What `glassrt run` gives back."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.cli.run_job import RunReport


def test_figures_are_of_finite_values() -> None:
    report = RunReport({"y": np.float32([1, 3, np.inf]), "z": np.float32([np.nan])}, 0.5, device="host")
    y, z = report.to_json()["outputs"]
    assert (y["min"], y["mean"], y["max"], y["not_finite"]) == (1, 2, 3, 1)
    assert z["mean"] is None and z["not_finite"] == 1
    assert report.how == "ran on host in 500.00 ms" and "float32" in str(report)
