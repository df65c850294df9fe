"""The demo: what `make demo` runs after the installation."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .places import EXAMPLES

DEMO = EXAMPLES / "demo.py"


@pytest.mark.slow
def test_the_demo_follows_a_network_from_onnx_to_outputs() -> None:
    done = subprocess.run([sys.executable, str(DEMO)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    for part in ("graph.conv", "fused.kernel", "precision.kernel", "launch.kernel", "GLASS_KERNEL"):
        assert part in done.stdout
    assert done.stdout.count("360 of 360") == 2, "fp32 and fp16 see the same digits as ONNX Runtime"
    assert "compile: kernels" in done.stdout
