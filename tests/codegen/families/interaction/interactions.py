"""Kernels of one interaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.executed import executed
from glassrt.codegen.request.request import Request
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.builtin import Return, Yield
from glassrt.dialects.core.dtypes import F16, F32, I64, DType
from glassrt.dialects.core.ir import Block, Region
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.interaction import ROWS, Interaction
from glassrt.dialects.precision import PrecisionKernel

from ...one_kernel import Array

B = symbol("B")
BATCHES = SymbolRange(1, 2048, 4096)


@dataclass(frozen=True)
class Case:
    """An interaction of `columns`, features of `width`, tables of 5 and more rows, and `pairs`."""

    columns: tuple[int, ...]
    width: int
    pairs: int
    joined: bool = False
    dtype: DType = F16
    batch: Dim = B
    padding: int = 0

    @property
    def index_columns(self) -> int:
        """Columns of the indices."""
        return max(self.columns) + 2

    def block(self) -> Block:
        """A region of the op alone."""
        indices = [TensorType((self.batch, self.index_columns), I64)] if max(self.columns) >= 0 else []
        sources = [
            TensorType((self.batch if column == ROWS else 5 + at, self.width), self.dtype)
            for at, column in enumerate(self.columns)
        ]
        block = Block([TensorType((self.pairs,), I64), *indices, *sources])
        pairs, *others = block.arguments
        operands = others if indices else [None, *others]
        made = block.append(
            Interaction(
                pairs, *operands, columns=list(self.columns), joined=self.joined, padding=self.padding
            )
        )
        block.append(Yield(made.y))
        return block

    def module(self) -> Module:
        """A precision-level module of one kernel."""
        block = self.block()
        names = [f"x{at}" for at in range(len(block.arguments))]
        module = Module("one", symbols={"B": BATCHES})
        function = module.add(Function("main", names, ["y"]))
        arguments = [function.block.add_argument(value.type) for value in block.arguments]
        own, region = executed(block), Region(block)
        kernel = PrecisionKernel(
            *arguments, root="interaction", requested=own, compute=own, accumulate=F32, regions=[region]
        )
        function.block.append(kernel)
        function.block.append(Return(*kernel.results))
        verify(module, ALL_DIALECTS)
        return module

    def request(self, known: Collection[int] = (), given: Collection[int] = ()) -> Request:
        """What the family is asked; the operands KNOWN are weights, those GIVEN inputs of the plan."""
        block = self.block()
        ranges = {"B": (BATCHES.minimum, BATCHES.maximum)} if self.batch == B else {}
        writes = tuple(value.type for value in block.terminator.inputs)
        optimum = {"B": BATCHES.optimum} if ranges else {}
        there = frozenset(known), frozenset(given)
        return Request(block, writes, ranges, optimum, REFERENCE, "k", *there)

    def inputs(self, batch: int) -> dict[str, Array]:
        """Random inputs: indices from both ends and some beyond them."""
        generator = np.random.default_rng(0)
        count = len(self.columns)
        arrays = [generator.integers(-(count**2), count**2, self.pairs)]
        if max(self.columns) >= 0:
            arrays.append(generator.integers(-8, 8, (batch, self.index_columns)))
        for at, column in enumerate(self.columns):
            shape = (batch if column == ROWS else 5 + at, self.width)
            arrays.append(generator.standard_normal(shape).astype(np.float32).astype(self.dtype.numpy))
        return {f"x{at}": array for at, array in enumerate(arrays)}
