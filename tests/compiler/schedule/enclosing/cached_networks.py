"""Attention over caches that are written."""

from __future__ import annotations

from dataclasses import dataclass

from glassrt.dialects.core.dtypes import BOOL, F16, I64
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.sequences import WriteCache
from glassrt.dialects.graph.unary import Not
from glassrt.testing.net import Net

HEADS, ROOM, FEATURES = 2, 256, 64


@dataclass(frozen=True)
class CachedNetwork:
    """`tokens` that are new. turned: queries and keys are multiplied first; read: queries are a result, too;
    masked: by what is computed behind the writes."""

    tokens: int = 1
    turned: bool = True
    read: bool = False
    masked: bool = False
    in_place: bool = True

    def module(self) -> Module:
        net = Net()
        caches = [net.input(name, 1, HEADS, ROOM, FEATURES, dtype=F16) for name in ("keys", "values")]
        q, k, v, cos = (net.input(name, 1, HEADS, self.tokens, FEATURES, dtype=F16) for name in "qkvc")
        at = net.input("at", 1, dtype=I64)
        if self.turned:
            q, k = net.add(Mul, q, cos), net.add(Mul, k, cos)
        written = [
            net.add(WriteCache, cache, new, at, axis=2, in_place=self.in_place)
            for cache, new in zip(caches, (k, v), strict=True)
        ]
        mask = [net.add(Not, net.input("hidden", 1, 1, 1, ROOM, dtype=BOOL))] if self.masked else []
        attended = net.add(Attention, q, *written, *mask, scale=0.125)
        return net.done(attended, *written, *([q] if self.read else []))
