"""Measured times from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import InputError
from glassrt.compiler.report.pictures.times import measured_times

KERNELS, SIZES = ["k_a", "k_b"], {"N": 2}
ROWS = [{"kernel": "k_a", "microseconds": 2.5}, {"kernel": "k_b", "microseconds": 1}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "no measured times"),
        (json.dumps({"kernels": ROWS[:1], "symbols": SIZES}), "other kernels"),
        (json.dumps({"kernels": [3, None], "symbols": SIZES}), "other kernels"),
        (json.dumps({"kernels": ROWS, "symbols": {"N": 3}}), "other sizes than N = 2"),
        *(
            (json.dumps({"kernels": [ROWS[0], ROWS[1] | {"microseconds": time}], "symbols": SIZES}), said)
            for time, said in ((-1, "-1"), (float("nan"), "nan"), (True, "True"), ("1", "'1'"))
        ),
    ],
)
def test_what_is_not_of_the_plan_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "times.json").write_text(content)
    with pytest.raises(InputError, match=said):
        measured_times(tmp_path / "times.json", KERNELS, SIZES)


def test_times_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "times.json").write_text(json.dumps({"kernels": ROWS, "symbols": SIZES}))
    assert measured_times(tmp_path / "times.json", KERNELS, SIZES) == [2.5, 1.0]
    with pytest.raises(InputError, match="cannot read"):
        measured_times(tmp_path / "absent.json", KERNELS, SIZES)
