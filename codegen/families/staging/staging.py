"""The interface of a staging: a way to copy tiles of an operand from global to shared memory.

It is a `TileStaging` that names two templates in `templates/lib/staging`: its own, and that of its arrival.

Of one operand of a contraction: `share` emits what a thread finds out once about its part of every tile,
`define` the lambdas that stage a tile; `fill` loads the whole tile that begins at K_FIRST before the main
loop (one statement, if the staging is asynchronous); `prefetch` issues the loads of part `part` of `parts`
of the tile that begins at k_first, overlapped with the products; `land` stores prefetched registers into the
stage, and is empty where the copies are asynchronous.

Of any operand: `copy` stages `op.vector` elements at PLACE of `tile`, zeros where not INSIDE.

The macros of an arrival: `commit` closes the group of copies that were issued since the last commit; `wait`
returns when the copies of the next group have landed, in the order of the commits, while the PENDING groups
behind it may be under way; `drain` when all have. A group may be empty. What two operands would commit or
wait for alike is emitted once, and a barrier of the block follows (`arrival.cu.j2`).

The kernel of a contraction has the parameters `maps` under their names, and the `barrier_bytes` of shared
memory, uninitialised, at `a_barriers` or `b_barriers` (of type `Barrier*`). Each stage of its operands
begins at a multiple of the widest `stage_alignment`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Operation
from ....dialects.core.types import TensorType
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.parameters import TensorMapParameter
from ...text.render import Template

CHUNK_BYTES = 16  # of a line of a tile, and of the widest copy by a thread


@dataclass(frozen=True)
class StagedOperand:
    """An operand as its staging sees it.

    dtype: of its elements in shared memory; vector: elements that are adjacent in global memory and aligned
    together, so that one copy can have them; computed: whether a prologue computes its elements from what is
    loaded; in_pieces: whether its kernel has the macro `copy` stage single pieces, as attention does. Such a
    kernel has neither maps nor barriers of stagings, and aligns no stages.
    """

    dtype: DType
    vector: int
    computed: bool = False
    in_pieces: bool = False

    @property
    def copy_bytes(self) -> int:
        """Bytes of one copy."""
        return self.vector * self.dtype.bytes


@dataclass(frozen=True)
class MappedOperand:
    """An operand of the contraction `root`, as the tensor maps of bulk copies of its tiles are made.

    role: a or b, for names that differ; buffer: its position among the buffers of the kernel, which is
    `TensorMap.operand`; type: the type of that buffer; wide, deep: rows of A (columns of B) and steps of k in
    a tile.
    """

    role: str
    root: Operation
    buffer: int
    type: TensorType
    wide: int
    deep: int


@dataclass(frozen=True, kw_only=True)
class TileStaging(ABC):
    """A way to copy tiles to shared memory. Contractions and attention take one for each operand.

    - template: has the macros of a staging that this module states.
    - arrival: has the macros of an arrival; none where nothing is in flight, so that nothing is waited for.
    - needs_features: the features that a target must have.
    - asynchronous: copies bypass registers, and land in the background.
    - stage_alignment: in bytes; each stage of a tile begins at a multiple of it in shared memory. A power of
      two, at least a chunk and at most 1024, the alignment of shared memory itself.
    """

    template: Template
    arrival: Template | None = None
    needs_features: frozenset[Feature] = frozenset()
    asynchronous: bool = False
    stage_alignment: int = CHUNK_BYTES

    @abstractmethod
    def takes(self, operand: StagedOperand) -> bool:
        """Whether it can stage OPERAND."""

    def runs_on(self, target: ArchSpec) -> bool:
        """Whether TARGET has all features that it needs."""
        return target.has(*self.needs_features)

    def registers(self, operand: StagedOperand) -> int:
        """Registers of a thread for each 16 bytes that it stages of a tile of OPERAND."""
        return 0

    def maps(self, operand: MappedOperand) -> tuple[TensorMapParameter, ...]:
        """Parameters of the kernel: descriptors of bulk copies of OPERAND's tiles, named after its role."""
        return ()

    def barrier_bytes(self, stages: int) -> int:
        """Bytes of shared memory for its own barriers of one operand in a pipeline of STAGES stages.

        A multiple of 8, the size of a barrier.
        """
        return 0
