"""Configurations, and the shared memory of their blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.families.few_channels.config import (
    FewChannelsConfig,
    Patch,
    illegal,
    patch_of,
    runs_of,
    shapes,
    shared_bytes,
)

from ...contraction_cases import TARGET
from .layers import STEM, image

CONFIG = FewChannelsConfig(14, 64, 2, 2)


def test_a_patch_holds_what_a_run_reads() -> None:
    found = patch_of(image(STEM), CONFIG)
    assert found == Patch(7 * 2 + 7, 111 + 4) and found.bytes == 21 * 115 * 16
    assert shared_bytes(image(STEM), CONFIG) == 14 * 32 * 64 + found.bytes + 8
    assert runs_of(image(STEM), CONFIG) == 2 * 14


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"block_n": 72}, "does not divide among the threads"),
        ({"groups": 3}, "does not divide among the threads"),
        ({"tiles": 13}, "tiles of different numbers"),
        ({"tiles": 32}, "tiles of different numbers"),
        ({"resident": 4}, "not enough shared memory"),
        ({"resident": 4, "tiles": 2}, "not enough shared memory, or registers"),
    ],
)
def test_illegal_configurations(changed: dict[str, Any], reason: str) -> None:
    assert reason in str(illegal(image(STEM), replace(CONFIG, **changed), TARGET))


def test_shapes_are_legal_and_no_wider_than_the_image() -> None:
    found = list(shapes(image(STEM), TARGET, 8))
    assert len(found) > 10 and len(set(found)) == len(found)
    assert all(illegal(image(STEM), config, TARGET) is None for config in found)
    assert max(config.tiles for config in found) == 14
