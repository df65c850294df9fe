"""Limits of a multiprocessor: how many blocks it holds."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.known import KIB
from glassrt.codegen.arch.names import arch_named


@pytest.mark.parametrize(
    ("name", "threads", "shared", "registers", "blocks"),
    [
        ("sm_86", 64, 0, 0, 16),  # as many blocks as there may be, not the 24 that have threads enough
        ("sm_90a", 256, 0, 0, 8),
        ("sm_90a", 128, 56 * KIB, 0, 4),
        ("sm_90a", 128, 57 * KIB, 0, 3),  # each with the KiB that the system keeps
        ("sm_90a", 256, 0, 128, 2),
        ("sm_90a", 256, 0, 400, 1),  # a thread has 255 at most; the rest would spill
        ("sm_86", 128, 100 * KIB, 0, 0),
    ],
)
def test_a_multiprocessor_holds_what_all_its_limits_allow(
    name: str, threads: int, shared: int, registers: int, blocks: int
) -> None:
    assert arch_named(name).limits.resident(threads, shared, registers) == blocks
