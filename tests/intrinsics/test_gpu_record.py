"""The GPU ran these very headers, and agreed with numpy on every case."""

from __future__ import annotations

import json

from .suite import RECORD, all_cases, headers_hash


def test_the_record_is_of_these_headers() -> None:
    assert RECORD.exists(), "no record yet: run `python benchmarks/intrinsics_gpu.py` on a GPU"
    record = json.loads(RECORD.read_text())
    assert record["headers_sha256"] == headers_hash(), (
        "the headers changed since the record: run `python benchmarks/intrinsics_gpu.py` on a GPU"
    )
    assert record["gpu"] and record["driver"] and record["nvrtc"] and record["date"]


def test_every_case_passed_on_the_gpu() -> None:
    assert RECORD.exists(), "no record yet: run `python benchmarks/intrinsics_gpu.py` on a GPU"
    results = json.loads(RECORD.read_text())["cases"]
    assert {case.name: results.get(case.name) for case in all_cases()} == {
        case.name: "passed" for case in all_cases()
    }
