"""Attention whose kernel writes its caches: queries and new elements computed by the blocks that use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from glassrt import Plan, PrecisionPolicy, load
from glassrt.codegen.families.attention_few.config import FewQueriesConfig
from glassrt.compiler.api import compile
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I64, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.sequences import WriteCache
from glassrt.dialects.graph.unary import Neg
from glassrt.testing.net import Net

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
BATCH, HEADS, ROOM = 3, 2, 150


@dataclass(frozen=True)
class Decoder:
    """One token of each sequence: `group` heads share keys. rotated: queries and keys are turned; counted:
    where the token lies is the sum of what is given, which a kernel adds up."""

    features: int = 16
    width: int = 16
    group: int = 4
    dtype: DType = F16
    masked: bool = True
    rotated: bool = True
    counted: bool = False
    circular: bool = False

    def module(self) -> Module:
        net = Net()
        cache = BATCH, HEADS, ROOM
        keys, values = (
            net.input(name, *cache, size, dtype=self.dtype)
            for name, size in (("keys", self.features), ("values", self.width))
        )
        q = net.input("q", BATCH, HEADS, self.group, self.features, dtype=self.dtype)
        k = net.input("k", BATCH, HEADS, 1, self.features, dtype=self.dtype)
        v = net.input("v", BATCH, HEADS, 1, self.width, dtype=self.dtype)
        cos = net.input("cos", BATCH, 1, 1, self.features, dtype=self.dtype)
        at = net.input("at", BATCH, *([3] if self.counted else []), dtype=I64)
        if self.counted:
            at = net.add(Reduce, at, kind="sum", axes=[1], keepdims=False)
        if self.rotated:
            q, k = self._turned(net, q, cos), self._turned(net, k, cos)
        keys, values = (
            net.add(WriteCache, past, new, at, axis=2, circular=self.circular)
            for past, new in ((keys, k), (values, v))
        )
        k, v = (
            net.add(Reshape, x, shape=(BATCH, HEADS, 1, ROOM, size))
            for x, size in ((keys, self.features), (values, self.width))
        )
        q = net.add(Reshape, q, shape=(BATCH, HEADS, self.group, 1, self.features))
        mask = [net.input("mask", BATCH, 1, 1, 1, ROOM, dtype=BOOL)] if self.masked else []
        return net.done(net.add(Attention, q, k, v, *mask, scale=0.25, guarded=True), keys, values)

    def _turned(self, net: Net, x: Value, cos: Value) -> Value:
        half = self.features // 2
        low, high = (
            net.add(Slice, x, starts=[0, 0, 0, at], sizes=[*x.type.shape[:3], half]) for at in (0, half)
        )
        return net.add(Add, net.add(Mul, x, cos), net.add(Concat, net.add(Neg, high), low, axis=3))

    def plan(self, target: str | None) -> Plan:
        module = self.module()
        names = module.main.outputs
        precision = PrecisionPolicy("fp32" if self.dtype == F32 else "fp16")
        in_place = {names[1]: "keys", names[2]: "values"}
        return compile(module, target=target, precision=precision, in_place=in_place)


CASES = {
    "early": Decoder(),
    "narrow heads": Decoder(features=24, width=40, group=3),
    "f32, no mask": Decoder(dtype=F32, masked=False, circular=True),
    "counted": Decoder(counted=True, rotated=False),
}
STARTS = [[0, 70, 149], [128, -1, 5], [150, 3, 1 << 40]]


@pytest.fixture(autouse=True)
def shared_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blocks share the keys, and have four rows, of which some may not be; no other kernel is cheaper."""
    family = "glassrt.codegen.families.attention_few.family"
    monkeypatch.setattr(f"{family}.shapes", lambda *_: [FewQueriesConfig(4, 4, 2, 2)])
    monkeypatch.setattr(f"{family}.microseconds", lambda *_: 0.0)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_results_and_caches_are_those_of_the_interpreter(name: str, device: str) -> None:
    case = CASES[name]
    plan = case.plan("host" if device == "host" else None)
    (line,) = (line for line in plan.ir("launch").splitlines() if 'family = "attention_few"' in line)
    assert "outputs = 3" in line
    module, rng = case.module(), np.random.default_rng(0)
    with load(plan, device) as engine:
        for starts in STARTS:
            given = {
                value: rng.standard_normal(type.shape).astype(type.dtype.numpy)
                for value, type in zip(
                    module.main.inputs, (each.type for each in module.main.block.arguments), strict=True
                )
            }
            at = np.array(starts, np.int64)
            given["at"] = np.stack([at - 7, at * 0 + 3, at * 0 + 4], 1) if case.counted else at
            if case.masked:
                kept = np.where((at >= 0) & (at < ROOM), at + 1, [9, 0, 150])
                given["mask"] = (np.arange(ROOM) < kept[:, None])[:, None, None, None]
                for cache in (given["keys"], given["values"]):
                    for row, end in zip(cache, kept, strict=True):
                        row[:, end:] = np.nan  # what lies behind the last key may be anything
            clean = {key: np.nan_to_num(array) for key, array in given.items()}
            want = interpret(case.module(), clean)
            have = engine.run(given)
            attended, *caches = module.main.outputs
            scale = np.abs(want[attended].astype(np.float64)).max()
            error = np.abs(np.asarray(have[attended], np.float64) - want[attended]).max()
            assert error <= (2e-5 if case.dtype == F32 else 4e-3) * scale
            for output in caches:
                close = 1e-6 if case.dtype == F32 else 4e-3  # their new elements are rounded otherwise
                np.testing.assert_allclose(np.nan_to_num(have[output]), want[output], close, close)


def test_its_kernel_is_pinned(golden: Any) -> None:
    sources = CASES["early"].plan("host").sources.values()
    (source,) = (text for text in sources if "Attention of few queries" in text)
    assert source == golden.at("cached.cu")


def test_two_writes_at_different_places_stay_launches() -> None:
    net = Net()
    caches = [net.input(name, 1, 2, 64, 16, dtype=F16) for name in ("keys", "values")]
    new = net.input("new", 1, 2, 1, 16, dtype=F16)
    places = [net.input(name, 1, dtype=I64) for name in ("here", "there")]
    written = [net.add(WriteCache, cache, new, at, axis=2) for cache, at in zip(caches, places, strict=True)]
    module = net.done(net.add(Attention, net.input("q", 1, 2, 3, 16, dtype=F16), *written), *written)
    names = module.main.outputs
    plan = compile(module, target="host", precision="fp16", in_place={names[1]: "keys", names[2]: "values"})
    (record,) = (each for each in plan.ledger if each.get("rule") == "join-caches")
    assert "no kernel of attention" in record["reason"]
