"""Measured times and errors from files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from glassrt import InputError
from glassrt.compiler.report.pictures.figures import measured_errors, measured_times

KERNELS, SIZES = ["k_a", "k_b"], {"N": 2}
ROWS = [{"kernel": "k_a", "microseconds": 2.5}, {"kernel": "k_b", "microseconds": 1}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "holds no kernels"),
        (json.dumps({"kernels": ROWS[:1], "symbols": SIZES}), "other kernels"),
        (json.dumps({"kernels": [3, None], "symbols": SIZES}), "holds no kernels"),
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


def test_the_largest_error_of_each_launch_is_read(tmp_path: Path) -> None:
    rows = [(0, 0.5), (0, 0.25), (1, None)]
    made = [{"index": at, "kernel": KERNELS[at], "unrounded": {"relative_l2": value}} for at, value in rows]
    path = tmp_path / "errors.json"
    path.write_text(json.dumps({"launches": made}))
    assert measured_errors(path, [*KERNELS, "k_c"]) == [0.5, math.inf, None]
    with pytest.raises(InputError, match="other kernels"):
        measured_errors(path, KERNELS[::-1])
    for row, said in (
        ({"index": 7, "kernel": "k_a"}, "other kernels"),
        ({"index": 0, "kernel": "k_a"}, "no error of launch 0"),
        ({"index": 0, "kernel": "k_a", "unrounded": {"relative_l2": -1}}, "-1"),
    ):
        path.write_text(json.dumps({"launches": [row]}))
        with pytest.raises(InputError, match=said):
            measured_errors(path, KERNELS)
