"""The registry of stagings, and the choice among them."""

from __future__ import annotations

from functools import lru_cache

from ...arch.spec import ArchSpec
from .cp_async import CpAsync
from .registers import ThroughRegisters
from .staging import StagedOperand, TileStaging

KEPT = 256  # answers, which every price of a configuration asks for several times
# In the order of preference; the last one takes everything.
STAGINGS: tuple[TileStaging, ...] = (
    CpAsync(),
    ThroughRegisters(),
)


def staging_of(operand: StagedOperand, target: ArchSpec) -> TileStaging:
    """The first of `STAGINGS` that runs on TARGET and takes OPERAND."""
    return _first(operand, target, STAGINGS)


@lru_cache(maxsize=KEPT)
def _first(operand: StagedOperand, target: ArchSpec, stagings: tuple[TileStaging, ...]) -> TileStaging:
    return next(staging for staging in stagings if staging.takes(operand) and staging.runs_on(target))
