"""Numeric limits of the passes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Limits of the passes.

    fold_bytes: the size in bytes of the largest constant that folding may create, unless it is smaller than
    its operands; kernel_ops: the largest number of ops in one kernel; streams: the number of streams that
    launches are spread over, 0 for as many as should save time.
    """

    fold_bytes: int = 1 << 24
    kernel_ops: int = 64
    streams: int = 0
