"""Kernels of sums of rows of one or several tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.request.request import Request
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F16, F32, I64, DType
from glassrt.dialects.core.ir import Block, Operation, Value
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.embedding import EmbeddingBag

from ...one_kernel import Append, Array, kernel_module

B, N = symbol("B"), symbol("N")
RANGES = {"B": SymbolRange(0, 64, 4096), "N": SymbolRange(0, 640, 40960)}


@dataclass(frozen=True)
class Case:
    """Sums of rows of `width` of tables of 5 and more rows, one for each of `lengths`: rows of a bag."""

    lengths: tuple[int, ...] = (20,)
    width: int = 16
    table: DType = F16
    to: DType = F16
    mode: str = "sum"
    batch: Dim = B
    ragged: bool = False
    closed: bool = False
    weighted: bool = False
    scaled: bool = False
    shifted: bool = False
    rows: int = 5

    @property
    def types(self) -> list[TensorType]:
        """The types of its operands."""
        found = []
        for at, length in enumerate(self.lengths):
            rows = self.rows + at
            indices = (N,) if self.ragged else (self.batch, length)
            found += [TensorType((rows, self.width), self.table), TensorType(indices, I64)]
            found += [TensorType((self.batch + int(self.closed),), I64)] * self.ragged
            found += [TensorType(indices, F32)] * self.weighted
            found += [TensorType((rows,), F32)] * self.scaled + [
                TensorType((rows,), self.table)
            ] * self.shifted
        return found

    def op(self, *operands: Value) -> EmbeddingBag:
        """The op, of OPERANDS."""
        names = ("mode", "ragged", "closed", "weighted", "scaled", "shifted", "to")
        stated = {name: getattr(self, name) for name in names}
        return EmbeddingBag(*operands, count=len(self.lengths), **stated)

    def module(self) -> Module:
        """A precision-level module of one kernel."""

        def body(append: Append, *operands: Value) -> tuple[Value, ...]:
            made: list[Operation] = [self.op(*operands)]
            operands[0].owner.append(made[0])  # type: ignore[union-attr]
            return tuple(made[0].results)

        return kernel_module(body, self.types, symbols=RANGES)

    def request(self, known: Collection[int] = (), given: Collection[int] = ()) -> Request:
        """What the family is asked; the operands KNOWN are weights, those GIVEN inputs of the plan."""
        block = Block(self.types)
        made = block.append(self.op(*block.arguments))
        block.append(Yield(*made.results))
        writes = tuple(value.type for value in made.results)
        ranges = {name: (span.minimum, span.maximum) for name, span in RANGES.items()}
        optimum = {name: span.optimum for name, span in RANGES.items()}
        there = frozenset(known), frozenset(given)
        return Request(block, writes, ranges, optimum, REFERENCE, "k", *there)

    def inputs(self, batch: int) -> dict[str, Array]:
        """Random inputs for BATCH bags: indices from both ends and beyond them, offsets that fall, too."""
        generator, count = np.random.default_rng(0), 7 * batch
        made: list[Any] = []
        for type in self.types:
            sizes: dict[Dim, int] = {N: count, B: batch, B + 1: batch + 1}
            shape = tuple(sizes.get(size, size) for size in type.shape)
            if type.dtype == I64:
                span = count + 3 if self.ragged and shape in ((batch,), (batch + 1,)) else self.rows + 2
                made.append(generator.integers(-span, span, shape))
            elif type.dtype.is_integer:
                made.append(generator.integers(-9, 9, shape).astype(type.dtype.numpy))
            else:
                made.append(generator.standard_normal(shape).astype(type.dtype.numpy))
        return {f"x{at}": array for at, array in enumerate(made)}
