"""The answer about two nodes as JSON data."""

from __future__ import annotations

import json
from dataclasses import fields

from glassrt.compiler.report.pair_answer import PairAnswer, PairStep


def test_json_has_every_field_once() -> None:
    steps = (PairStep("a", "b", "fuse", "one reader"),)
    answer = PairAnswer("a", "b", "fused", "fuse", figures={"bytes": 4}, launches=(2,), steps=steps)
    data = json.loads(json.dumps(answer.to_json()))
    assert data["nodes"] == ["a", "b"] and data["steps"] == [vars(steps[0])]
    assert data["places"] == [[], []] and data["launches"] == [2]
    assert set(data) == {field.name for field in fields(PairAnswer)} - {"a", "b"} | {"nodes"}
