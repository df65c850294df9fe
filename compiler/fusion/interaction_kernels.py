"""interaction-kernel: dot products of features in pairs, with the lookups of the features, become one op.

Only where the target has a kernel for it. Without, the lookups, their concatenation, all products and the
choice of some of them are launches of their own, which store and load every feature several times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...codegen.interface import ArchSpec, families
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.constants import constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.indexing import Gather
from ...dialects.graph.interaction import ROWS, Interaction
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.movement.slicing import Slice
from ..passes.manager import PassContext
from ..patterns.matching import constant_array, only_use, produced_by
from ..patterns.rewrite import Pattern, Rewriter, pattern, rewrite

ALIGNED = 8  # columns: those of 16 bits that bulk copies, and copies of 16 bytes, begin and end at


@dataclass(frozen=True)
class SampleFeature:
    """A feature: ROWS of samples, which are the source, or looked up in a table by a column of INDICES."""

    rows: Value
    source: Value
    indices: Value | None = None
    column: int = ROWS


@dataclass(frozen=True)
class Parts:
    """What an interaction is made of, and the ops that it absorbs.

    joins: the concat that puts the first source before the products, if there is one.
    """

    features: Sequence[SampleFeature]
    absorbed: Sequence[Operation]
    joins: Concat | None

    @property
    def indices(self) -> Value | None:
        """The indices of the lookups."""
        return next((own.indices for own in self.features if own.indices is not None), None)

    def made(self, pairs: Value) -> Interaction:
        """The interaction, of PAIRS."""
        columns = [own.column for own in self.features]
        sources = [own.source for own in self.features]
        return Interaction(pairs, self.indices, *sources, columns=columns, joined=self.joins is not None)


@pattern("interaction-kernel", Gather)
def interaction(op: Gather, rewriter: Rewriter) -> bool:
    """gather(matmul(x, transpose(x)), pairs) of x = concat(rows, gather(table, slice)) => interaction"""
    parts = _matched(op, rewriter.module)
    if parts is None:
        return False
    made = rewriter.insert(parts.made(op.indices), before=op)
    rewriter.replace(parts.joins or op, made.y, absorbed=parts.absorbed)
    return True


@pattern("interaction-padding", Matmul)
def padding(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(interaction, w) => matmul(interaction{padding}, concat(w, zeros)), of rows of whole chunks"""
    made, weights = produced_by(op.a, Interaction), constant_array(op.b, rewriter.module)
    columns = op.a.type.shape[-1]
    if made is None or weights is None or weights.ndim != 2 or op.transpose_a or not only_use(made.y):
        return False
    if not isinstance(columns, int) or made.padding or not columns % ALIGNED:
        return False
    more = -columns % ALIGNED
    zeros = [(0, 0), (0, more)] if op.transpose_b else [(0, more), (0, 0)]
    wide = rewriter.insert(constant(rewriter.module, np.pad(weights, zeros))).result
    rows = rewriter.insert(
        Interaction(*made.operands, loc=made.location, **_attributes(made) | {"padding": more}), before=made
    )
    product = rewriter.insert(Matmul(rows.y, wide, **_attributes(op)))
    rewriter.replace(op, product.y)
    return True


def _attributes(op: Operation) -> dict[str, Any]:
    return {name: value for name, value in op.attributes.items() if value is not None}


PATTERNS = (interaction, padding)


@dataclass(frozen=True)
class InteractionKernels:
    """Makes interactions of the ops that they stand for, where TARGET has a kernel for them."""

    target: ArchSpec
    name: ClassVar[str] = interaction.name

    def run(self, module: Module, context: PassContext) -> Module:
        def apply(op: Gather, rewriter: Rewriter) -> bool:
            parts = _matched(op, rewriter.module)
            return parts is not None and self._able(parts, op, context) and interaction.apply(op, rewriter)

        if self.name not in context.disabled:
            rules = [Pattern(interaction.name, interaction.roots, apply), padding]
            rules = [rule for rule in rules if rule.name not in context.disabled]
            rewrite(module, rules, context.note_rewrite)
        return module

    def _able(self, parts: Parts, op: Gather, context: PassContext) -> bool:
        """Whether the target has a kernel for an interaction of PARTS in the place of OP.

        Not where an override asks for another format of a part: one kernel has one format.
        """
        made = parts.made(op.indices)
        made.location = op.location
        format = context.policy.format_of(made)
        dtype = format.stored(made.y.type.dtype)
        able = (family for family in families().values() if family.runs_on(self.target))
        alike = all(context.policy.format_of(own) == format for own in parts.absorbed)
        found = alike and any(family.interacts(made, dtype, self.target) for family in able)
        made.erase()
        return found


def _matched(op: Gather, module: Module) -> Parts | None:
    """The interaction whose products OP chooses; None if there is none."""
    flat = produced_by(op.x, Reshape)
    product = produced_by(flat.x, Matmul) if flat is not None else None
    stacked = produced_by(product.a, Concat) if product is not None else None
    if flat is None or product is None or stacked is None or not (only_use(op.x) and only_use(flat.x)):
        return None
    alone = stacked.y.users == [product]
    if not alone or product.b is not product.a or not product.transpose_b or product.transpose_a:
        return None
    shape, count = stacked.y.type.shape, len(stacked.parts)
    chosen = op.indices.type.rank == 1 and op.axis % 2 == 1 and constant_array(op.indices, module) is not None
    if len(shape) != 3 or stacked.axis % 3 != 1 or not chosen or op.x.type.shape != (shape[0], count * count):
        return None
    features = [own for own in (_feature(part, module) for part in stacked.parts) if own is not None]
    if len(features) < count:
        return None
    features = _of_one_tensor(features)
    return Parts(features, (op, flat, product, stacked), _joining(op, features[0]))


def _of_one_tensor(features: Sequence[SampleFeature]) -> list[SampleFeature]:
    """FEATURES with the lookups by the indices that most have; others are rows that a kernel before gives."""
    counts = Counter(own.indices for own in features if own.indices is not None)
    most = max(counts, key=lambda value: counts[value], default=None)
    return [own if own.indices is most else SampleFeature(own.rows, own.rows) for own in features]


def _feature(part: Value, module: Module) -> SampleFeature | None:
    """The feature that is PART of a concat, [B, 1, W]."""
    shaped = produced_by(part, Reshape)
    if shaped is None or part.type.rank != 3 or part.type.shape[1] != 1 or shaped.x.type.rank != 2:
        return None
    rows = shaped.x
    if rows.type.shape != (part.type.shape[0], part.type.shape[2]):
        return None
    return _lookup(rows, module) or SampleFeature(rows, rows)


def _lookup(rows: Value, module: Module) -> SampleFeature | None:
    """The lookup that gives ROWS, in a constant table by a column of indices."""
    gather = produced_by(rows, Gather)
    if gather is None or gather.x.type.rank != 2 or gather.axis % 2:
        return None
    if constant_array(gather.x, module) is None:
        return None
    shaped = produced_by(gather.indices, Reshape)
    cut = produced_by(shaped.x, Slice) if shaped is not None else None
    if cut is None or cut.x.type.rank != 2 or cut.y.type.shape != (cut.x.type.shape[0], 1):
        return None
    column = cut.starts[1]
    plain = isinstance(column, int) and cut.step_list[0] == 1
    return SampleFeature(rows, gather.x, cut.x, column) if plain else None


def _joining(op: Gather, first: SampleFeature) -> Concat | None:
    """The concat of the rows FIRST and OP's result, if that is all that reads the latter."""
    user = op.y.users[0] if only_use(op.y) else None
    if first.column != ROWS or not isinstance(user, Concat) or user.axis % 2 != 1:
        return None
    return user if tuple(user.parts) == (first.source, op.y) else None
