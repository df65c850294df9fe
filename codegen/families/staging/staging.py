"""The interface of a staging: a way to copy tiles of an operand from global to shared memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ....dialects.core.dtypes import DType
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...text.render import Template


@dataclass(frozen=True)
class StagedOperand:
    """An operand as its staging sees it.

    dtype: of its elements in shared memory; vector: elements that are adjacent in global memory and aligned
    together, so that one copy can have them; computed: whether a prologue computes its elements from what is
    loaded.
    """

    dtype: DType
    vector: int
    computed: bool = False

    @property
    def copy_bytes(self) -> int:
        """Bytes of one copy."""
        return self.vector * self.dtype.bytes


@dataclass(frozen=True, kw_only=True)
class TileStaging(ABC):
    """A way to copy tiles to shared memory. Contractions and attention take one for each operand.

    - template: has the macros that `templates/lib/staging/cp_async.cu.j2` states.
    - needs_features: the features that a target must have.
    - asynchronous: copies bypass registers, and land in the background.
    """

    template: Template
    needs_features: frozenset[Feature] = frozenset()
    asynchronous: bool = False

    @abstractmethod
    def takes(self, operand: StagedOperand) -> bool:
        """Whether it can stage OPERAND."""

    def runs_on(self, target: ArchSpec) -> bool:
        """Whether TARGET has all features that it needs."""
        return target.has(*self.needs_features)

    def registers(self, operand: StagedOperand) -> int:
        """Registers of a thread for each 16 bytes that it stages of a tile of OPERAND."""
        return 0
