"""Drafts of launches as one, where what is between them need not be stored: a depthwise convolution and the
contractions around it, and a convolution before contractions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from ....codegen.interface import ArchSpec, Candidate, KernelFamily
from ....dialects.core.ir import Block, Value
from ....dialects.core.module import Module
from ....dialects.graph.convolution import Conv
from ....dialects.launch import Kernel
from ....dialects.launch_memory import Buffer
from ..joining import fastest, joined, joins_first, product_of, products_of

LONGEST = 2  # contractions of a chain
Able = Callable[[KernelFamily], bool]


@dataclass(frozen=True, eq=False)
class EnclosingDraft:
    """The launches `ops` as one, each of which reads what the one before it writes; nothing else does.

    The last one may have several results.
    """

    ops: tuple[Kernel, ...]

    @property
    def lead(self) -> Kernel:
        """The launch whose format is that of the one."""
        return self.ops[0]

    @property
    def gone(self) -> list[Value]:
        """The buffers and views that nothing uses any more."""
        return self.between

    @property
    def between(self) -> list[Value]:
        """The buffers that need not be."""
        return [op.writes[0] for op in self.ops[:-1]]

    @cached_property
    def reads(self) -> list[Value]:
        """The buffers that are read."""
        return [value for op in self.ops for value in op.reads if value not in self.between]

    @property
    def writes(self) -> list[Value]:
        """The buffers that are written."""
        return list(self.ops[-1].writes)

    @cached_property
    def region(self) -> Block:
        """The regions of all, one behind the other."""
        return joined(self.ops, self.between, self.writes)

    def best(self, module: Module, target: ArchSpec, able: Able) -> Candidate | None:
        """The fastest kernel for TARGET that computes these launches of MODULE, by a family that is ABLE;
        None without any."""
        return fastest(module, self.region, (self.reads, self.writes), target, able)


def drafts_around(depthwise: Kernel) -> list[EnclosingDraft]:
    """What might be one launch with DEPTHWISE, if that is a depthwise convolution: the contraction that alone
    reads its result, with and without the one before it, the longer draft first."""
    root = product_of(depthwise)
    if not isinstance(root, Conv) or root.groups == 1 or root.groups != root.w.type.shape[0]:
        return []
    behind = _only_reader(depthwise)
    if behind is None:
        return []
    before = next(
        (op for value in depthwise.reads for op in writers_of(value) if _only_reader(op) is depthwise), None
    )
    chains = [(depthwise, behind)] if before is None else [(before, depthwise, behind), (depthwise, behind)]
    return [EnclosingDraft(chain) for chain in chains if _alike(chain)]


def writers_of(buffer: Value) -> list[Kernel]:
    """The launches that write BUFFER."""
    return [op for op in buffer.users if isinstance(op, Kernel) and buffer in op.writes]


def drafts_behind(kernel: Kernel) -> list[EnclosingDraft]:
    """What might be one launch with KERNEL, if that is a convolution with a window: the contraction, or the
    two in a chain, that alone read its result."""
    root = product_of(kernel)
    if not isinstance(root, Conv) or root.groups != 1 or all(tap == 1 for tap in root.w.type.shape[2:]):
        return []
    behind = _only_reader(kernel)
    if behind is None or kernel.stacked or behind.stacked or not 1 <= len(products_of(behind)) <= LONGEST:
        return []
    alike = (kernel.requested, kernel.compute) == (behind.requested, behind.compute)
    return [EnclosingDraft((kernel, behind))] if alike else []


def _only_reader(kernel: Kernel) -> Kernel | None:
    """The launch that alone reads the result of KERNEL, as the first operand of its first contraction, if
    that is a buffer of its own that nothing else accesses."""
    buffer = kernel.writes[0]
    if kernel.outputs != 1 or not isinstance(buffer.producer, Buffer) or len(buffer.uses) != 2:
        return None
    if buffer.producer.space != "arena":
        return None
    others = [op for op in buffer.users if op is not kernel]
    reader = others[0] if len(others) == 1 else None
    if not isinstance(reader, Kernel) or reader.parent is not kernel.parent or buffer in reader.writes:
        return None
    return reader if joins_first(reader, buffer) else None


def _alike(chain: tuple[Kernel, ...]) -> bool:
    """Whether CHAIN has contractions in one format, each of which computes a result of its own."""
    plain = all(op.outputs == 1 and not op.stacked and product_of(op) is not None for op in chain)
    return plain and all(
        (one.requested, one.compute) == (other.requested, other.compute) for one, other in pairwise(chain)
    )
