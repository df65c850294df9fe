"""Limits of the passes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Limits and switches of the passes.

    fold_bytes: the largest constant that folding may create, unless it is smaller than what it
    is made of; kernel_ops: the most ops in one kernel; streams: how many streams launches are
    spread over, 0 for as many as should save time.
    """

    fold_bytes: int = 1 << 24
    kernel_ops: int = 64
    streams: int = 0
