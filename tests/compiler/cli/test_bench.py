"""`glassrt bench`: what it times, as asked."""

from __future__ import annotations

import json
from pathlib import Path

from .support import Glassrt


def test_it_times_what_it_is_asked_to(glassrt: Glassrt, small: Path) -> None:
    few = ("--repeats", 2, "--warmup", 0, "--profile-repeats", 1, "--device", "host")
    report = json.loads(glassrt("bench", small, *few, "--size", "N=3", "--json", "--no-profile").stdout)
    assert report["runs"] == 2 and report["symbols"] == {"N": 3} and report["kernels"] == []
