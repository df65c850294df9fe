"""The example of a layer of one's own: right on the host in both precisions, and what it needs of a GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .places import ROOT

SMALL = ("-m", "examples.custom_layer", "--device", "host", "--small")


@pytest.mark.slow
def test_the_layer_is_right_on_the_host_in_both_precisions(tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, *SMALL, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "times as fast" in done.stdout
    kept = json.loads(out.read_text())
    assert {"gpu", "driver", "date", "versions"} <= kept["environment"].keys()
    rows = {row["precision"]: row for row in kept["results"]}
    assert [row["launches"] for row in rows.values()] == [1, 1], "no conversions around the layer"
    assert rows["fp32"]["relative_error"] < 1e-6
    assert 1e-5 < rows["fp16"]["relative_error"] < 2e-3, "it runs in f16"
