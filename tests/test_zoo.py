"""How the zoo compares what detectors find, and judges errors: files that need nothing but numpy."""

from __future__ import annotations

import importlib.util
import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from .places import EXAMPLES

Detections = list[np.ndarray[Any, Any]]


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / "zoo" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def matching() -> ModuleType:
    return loaded("matching")


@pytest.mark.parametrize(
    ("error", "peer", "detects", "said"),
    [
        (0.03, None, False, "right"),
        (0.04, None, False, "wrong"),
        (0.04, 0.021, False, "as PyTorch"),
        (0.04, 0.019, False, "wrong"),
        (0.04, math.inf, False, "wrong"),
        (0.09, None, True, "right"),
        (math.nan, 0.1, False, "wrong"),
    ],
)
def test_what_is_said_of_an_error(error: float, peer: float | None, detects: bool, said: str) -> None:
    half = {"error": error} | ({} if peer is None else {"peer": peer})
    verdict = loaded("verdict").verdict
    assert verdict({"fp32": {"error": 1e-6}, "fp16": half}, detects) == said
    assert verdict({"fp32": {"error": 1e-3}, "fp16": half}, detects) == "wrong"
    assert verdict({"reason": "it was refused"}, detects) == "wrong"


def detections() -> Detections:
    """Five boxes; the first two are in one place, with different labels."""
    corners = np.array([[0, 0], [0, 0], [20, 5], [40, 40], [60, 3]], np.float64)
    boxes = np.concatenate([corners, corners + 10], 1)
    return [boxes, np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([1, 2, 1, 1, 3])]


def test_the_order_does_not_matter(matching: ModuleType) -> None:
    have = [column[::-1] for column in detections()]
    assert matching.detections_differ(have, detections()) == 0
    assert matching.detections_differ(have[::-1][::-1], have) == 0


@pytest.mark.parametrize(("place", "share"), [(0, 0.2), (4, 0.2)])
def test_a_box_that_one_of_them_has_not_found_counts(matching: ModuleType, place: int, share: float) -> None:
    have = [np.delete(column, place, 0) for column in detections()]
    assert matching.detections_differ(have, detections()) == pytest.approx(share)
    assert matching.detections_differ(detections(), have) == pytest.approx(share)


def test_another_label_and_another_place_are_other_detections(matching: ModuleType) -> None:
    have = detections()
    have[2][0], have[0][3] = 3, have[0][3] + 9
    assert matching.detections_differ(have, detections()) == pytest.approx(0.4)


def test_partners_are_compared(matching: ModuleType) -> None:
    have = detections()
    have[1] = have[1] * 1.01
    assert matching.detections_differ(have, detections()) == pytest.approx(0.01)
    have[0] = have[0] + 0.3
    wanted = 0.3 * math.sqrt(20) / np.linalg.norm(detections()[0])
    assert matching.detections_differ(have, detections()) == pytest.approx(max(0.01, wanted))
    have[1][2] = np.nan
    assert matching.detections_differ(have, detections()) == math.inf


def test_nothing_found_says_nothing(matching: ModuleType) -> None:
    none = [column[:0] for column in detections()]
    assert matching.detections_differ(none, none) == math.inf
    assert matching.detections_differ(none, detections()) == 1
    assert matching.relative(np.ones(2), np.ones(3)) == math.inf
