"""Which launches take their tiles from the last to the first.

A launch that reads what the one before it has written finds the end of it in the L2 cache. One that begins
with the beginning replaces that end by what it reads first, and finds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...codegen.interface import ArchSpec
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.ir import Value
from ...dialects.launch import Kernel


def turns(
    reads: Sequence[Value], previous: Kernel | None, sizes: Mapping[str, int], target: ArchSpec
) -> bool:
    """Whether a launch that reads the buffers READS should be turned: PREVIOUS, the launch before it, has
    written one of them from the first tile to the last, and more of it than stays in the cache of TARGET.

    Buffers have their size at SIZES.
    """
    if previous is None or previous.config.get("turned"):
        return False
    written = [value for value in reads if value in previous.writes]
    stays = target.fitted.schedule.stays * target.card.l2_bytes
    return any(evaluate(value.type.bytes, sizes) > stays for value in written)
