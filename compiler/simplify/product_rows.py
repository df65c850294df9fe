"""Canonicalization of the rows of products: in the order of the source, where that saves moves.

nn.MultiheadAttention with the batch first puts tokens before the batch for its projections, and back behind
them. A product does not care about the order of its rows, so they stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Operation, Value
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention
from ...dialects.graph.base import nofuse_of
from ...dialects.graph.constants import Constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.quantization import Scaling
from ..patterns.arrange import arranged
from ..patterns.arrangement import MOVES, Rearrangement, moves_into, paths_from
from ..patterns.matching import only_use
from ..patterns.rewrite import Rewriter, pattern

Shape = tuple[Dim, ...]


@pattern("product-rows", Matmul)
def product_rows(op: Matmul, rewriter: Rewriter) -> bool:
    """matmul(transpose(x), w) => transpose(matmul(x, w)), for rows in another order, where what follows puts
    them back or attention reads them by strides; likewise for reshapes of rows before elementwise ops"""
    return any(_rewritten(found, rewriter) for found in _RowProduct.both(op))


def _rewritten(found: _RowProduct, rewriter: Rewriter) -> bool:
    """Compute FOUND with better rows; False, and nothing changed, where there are none."""
    op, rows = found.op, found.better_rows()
    read = None if rows is None else found.read(rows)
    back = None if rows is None else found.back(rows)
    if read is None or back is None:
        return False
    last = (op, *found.steps)[-1]
    insert = partial(rewriter.insert, before=last)  # behind the constants of the steps
    source = _named_as(op.a, arranged(found.source, read, rewriter.insert))
    value = _named_as(op.result, rewriter.insert(Matmul(source, op.b, **op.attributes)).result)
    for step in found.steps:
        operands = [each if each is None or _is_per_column(each) else value for each in step.operands]
        new = insert(type(step)(*operands, loc=step.location, **step.attributes))
        value = _named_as(step.result, new.result)
    rewriter.replace(last, arranged(value, back, insert), absorbed=[op, *found.steps[:-1]])
    return True


def _named_as(old: Value, new: Value) -> Value:
    """NEW, with the name of OLD unless it has one: it has the same numbers, and so the same scale."""
    new.tensor = new.tensor or old.tensor
    return new


@dataclass(frozen=True)
class _RowProduct:
    """A product of rows with one matrix: its rows are those of `source` after the ops of `chain`, and what
    it gives goes through the elementwise `steps`.

    natural: the sizes of the digits of rows, in the order of the source if `is_sorted`, else in that of the
    product's rows; places: for each digit in the latter order, where it is among these.
    """

    op: Matmul
    source: Value
    chain: Sequence[Operation]
    steps: Sequence[Operation]
    is_sorted: bool
    natural: Shape
    places: Sequence[int]

    @staticmethod
    def both(op: Matmul) -> Iterator[_RowProduct]:
        """OP as such a product: with rows in the order of the source, and in its own; none where its rows are
        not moved, or not as digits express it."""
        source, chain = moves_into(op.a, (Reshape, Transpose))
        if not chain or op.transpose_a or op.b.type.rank != 2:
            return
        for is_sorted in (True, False):
            read = Rearrangement.through(source.type.shape, chain)
            if read is not None and any(digit.size != 1 for dim in read.dims[:-1] for digit in dim):
                places = read.split_rows(is_sorted)
                yield _RowProduct(op, source, chain, _steps(op.result), is_sorted, read.shape[:-1], places)

    @property
    def end(self) -> Value:
        return self.steps[-1].result if self.steps else self.op.result

    def better_rows(self) -> Shape | None:
        """The dimensions of rows with which less is moved; None when there are none."""
        paths = sorted(paths_from(self.end), key=len)
        ends = [path[-1].result if path else self.end for path in paths]
        behind = [self.back(self.natural, path) for path in paths]
        known = [found for found in behind if found is not None]
        if not ends or len(known) < len(behind) or not all(map(_is_free, known, ends)):
            return None
        turned = list(self.places) != sorted(self.places)
        same = ends[0].type.shape[-1] == self.end.type.shape[-1]
        if same and all(found.in_order and found.is_whole for found in known):
            return ends[0].type.shape[:-1] if turned or self._joins(ends[0]) else None
        return self.natural if turned else None

    def _joins(self, other: Value) -> bool:
        """Whether elementwise ops read OTHER, the end in another shape: they may join the product."""
        new = other.type.shape != self.end.type.shape
        return new and any(has(user, Trait.ELEMENTWISE) for user in other.users)

    def read(self, rows: Shape) -> Rearrangement | None:
        """The source as a matrix, or several, with ROWS in the order of `natural`."""
        found = Rearrangement.through(self.source.type.shape, self.chain)
        if found is not None:
            found.split_rows(self.is_sorted)
        return found if found is not None and found.reshape((*rows, self.op.a.type.shape[-1])) else None

    def back(self, rows: Shape, path: Iterable[Operation] = ()) -> Rearrangement | None:
        """The end, computed with ROWS, as it was; or what PATH makes of that."""
        columns = self.end.type.shape[-1]
        found = Rearrangement((*rows, columns))
        if not found.reshape((*self.natural, columns)):
            return None
        found.permute((*self.places, len(self.places)))
        moved = found.reshape(self.end.type.shape) and all(found.move(op) for op in path)
        return found if moved else None


def _is_free(found: Rearrangement, value: Value) -> bool:
    """Whether VALUE, which is FOUND of a product, is that in its order, or is read by strides."""
    reads = [(user, index) for user, index in value.uses if not isinstance(user, MOVES)]
    attended = all(isinstance(user, Attention) and index < 3 for user, index in reads)
    return found.in_order or (attended and found.is_strided)


def _steps(value: Value) -> list[Operation]:
    """The elementwise ops behind VALUE, each the only reader of the one before, that treat all rows alike."""
    steps: list[Operation] = []
    while only_use(value):
        [user] = value.users
        others = [each for each in user.inputs if each is not value]
        same = has(user, Trait.ELEMENTWISE) and user.result.type.shape == value.type.shape
        if not same or nofuse_of(user) is not None or not all(map(_is_per_column, others)):
            break
        if isinstance(user, Scaling) and not user.per_tensor:
            break  # its axis counts from the first
        steps.append(user)
        value = user.result
    return steps


def _is_per_column(value: Value) -> bool:
    """Whether VALUE is a constant that differs along the last dimension at most."""
    return isinstance(value.producer, Constant) and all(size == 1 for size in value.type.shape[:-1])


PATTERNS = (product_rows,)
