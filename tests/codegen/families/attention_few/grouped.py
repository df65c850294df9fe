"""Attention of heads that share keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassrt.dialects.core.dtypes import BOOL, F16, F32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.elementwise import Cast

from ...one_kernel import kernel_module


@dataclass(frozen=True)
class Grouped:
    """Queries [batch, heads, group, queries, 64] of heads that share keys, and perhaps a mask of the keys."""

    batch: int = 2
    heads: int = 2
    group: int = 4
    queries: int = 1
    keys: int = 200
    masked: bool = False

    def module(self) -> Module:
        lead = self.batch, self.heads
        types = [
            TensorType((*lead, group, rows, 64), F16)
            for group, rows in ((self.group, self.queries), (1, self.keys), (1, self.keys))
        ]
        types += [TensorType((self.batch, 1, 1, 1, self.keys), BOOL)] if self.masked else []

        def body(do: Any, *arguments: Value) -> Value:
            attended = Attention(*arguments, scale=0.125, guarded=True, accumulate=F32)
            return do(Cast(do(attended), to=F16))

        return kernel_module(body, types)
