"""Checks of a plan's records: references, limits, waits, and sizes at the ends of the ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from glassrt.errors import PlanError
from glassrt.runtime.manifest import parse_manifest
from glassrt.runtime.plan_check import check_manifest, corners

from .bad_manifests import Manifest, constrained, put
from .tiny_plans import affine_manifest


def test_the_ends_of_ranges_are_tried_as_far_as_constraints_allow() -> None:
    assert corners(parse_manifest(affine_manifest())) == [{"N": 1}, {"N": 8}, {"N": 32}]
    changed = affine_manifest(constrained(["-", "N", 7]))
    assert corners(parse_manifest(changed)) == [{"N": 8}, {"N": 32}]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("launches", 0, "block", [1024, 2, 1]), "at most 1024 threads are possible"),
        (put("launches", 0, "block", [1, 1, 65]), r"has a block of \[1, 1, 65\]"),
        (put("launches", 0, "cluster", [4, 8, 1]), "at most 16 blocks are possible"),
        (put("launches", 1, "waits", [0, 0]), "waits twice for one launch"),
        (put("launches", 0, "waits", [1]), "waits for launch 1, which does not come before it"),
        (
            put("launches", 0, "arguments", 0, "buffer", "b9"),
            "names the buffer 'b9', which the plan does not have",
        ),
        (put("launches", 0, "arguments", 1, "buffer", "w0"), "writes to the buffer 'w0', which is read-only"),
        (put("launches", 1, "arguments", 2, "buffer", "b0"), "output 'y' is written by no launch"),
        (put("symbols", "M", [1, 2, 3]), "symbol 'M' is not determined by any input"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[Manifest], Any], reason: str) -> None:
    check_manifest(parse_manifest(affine_manifest()))
    with pytest.raises(PlanError, match=reason):
        check_manifest(parse_manifest(affine_manifest(change)))
