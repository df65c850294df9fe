"""Loops of cells as recurrent ops, against ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from glassrt import PrecisionPolicy
from glassrt.compiler.driver.pipeline import SIMPLIFY
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.simplify.recurrence_loops import RECURRENCE_KERNEL, recurrent_ops
from glassrt.compiler.simplify.recurrent_loops.from_loops import RULE
from glassrt.dialects.control import Loop
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module

from ....models import run_onnxruntime
from .spelled_cells import BOTH, GRU, HIDDEN, INPUTS, LSTM, SPLIT_GRU, SPLIT_LSTM, Cell, weights

SUM = f"{BOTH} s = Add(gx, gh)"
TORCH_LSTM = Cell(f"{SUM} {SPLIT_LSTM} {LSTM}", weights(4), ("h", "c"))
TORCH_GRU = Cell(f"{BOTH} {SPLIT_GRU} {GRU} d = Sub(h, n) dz = Mul(d, z) h1 = Add(dz, n)", weights(3))
MIXED = "u = Sub(one, z) un = Mul(u, n) zh = Mul(z, h) h1 = Add(zh, un)"
ONE_STEP = """xu = Unsqueeze(xt, turned) hu = Unsqueeze(h, turned) cu = Unsqueeze(c, turned)
    ya, ha, ca = LSTM<hidden_size=4>(xu, w, r, b, , hu, cu)
    h1 = Squeeze(ha, turned) c1 = Squeeze(ca, turned)"""
SHORT = {"w": (1, 16, INPUTS), "r": (1, 16, HIDDEN), "b": (1, 32)}
JOINED = "xh = Concat<axis=1>(xt, h) m = MatMul(xh, k) s = Add(m, bx)"
PEEPHOLES = f"""{SUM} i_, f_, g_, o_ = Split<axis=1>(s)
    pi = Mul(c, p0) i = Add(i_, pi) pf = Mul(p1, c) f = Add(f_, pf)
    lo = Constant<value=float {{-0.6}}>() hi = Constant<value=float {{0.6}}>()
    ic = Clip(i, lo, hi) fc = Clip(f, lo, hi)
    g = Clip(g_, lo, hi) si = Sigmoid(ic) sf = Sub(one, si) tg = Tanh(g) kept = Mul(c, sf) new = Mul(tg, si)
    c1 = Add(new, kept) po = Mul(c1, p2) o = Add(po, o_) oc = Clip(o, lo, hi) so = Sigmoid(oc)
    tc = Tanh(c1) h1 = Mul(tc, so)"""
APART = """a0 = Gemm<transB=1>(h, wh, bh) ar, az, an = Split<axis=1>(a0)
    p = MatMul(xt, wr) q = MatMul(xt, wz) v = MatMul(xt, wn)
    r0 = Add(p, ar) r = Sigmoid(r0) z0 = Add(az, q) z = Sigmoid(z0) rn = Mul(an, r)
    n0 = Add(rn, v) n = Tanh(n0)"""
RESET = """gx = MatMul(xt, k) s, xn = Split<axis=1>(gx, two_one)
    hz = MatMul(h, kz) s0 = Add(s, hz) s1 = HardSigmoid(s0) r, z = Split<axis=1>(s1)
    rh = Mul(h, r) hn = MatMul(rh, kn) n_ = Add(xn, hn) n0 = Add(n_, bn) n = Tanh(n0)"""
KERNELS = {"k": (INPUTS, 12), "kz": (HIDDEN, 8), "kn": (HIDDEN, 4), "bn": (1, 4)}
SIZES = {"two_one": np.array([8, 4]), "one_v": np.array([1])}
HEAD = f"{SUM} h1 = Relu(s) logits_ = Gemm(h1, head, hb) shown = Tanh(logits_)"
TWO = f"""{SUM} {SPLIT_LSTM} {LSTM}
    gy = Gemm<transB=1>(h1, vx, vb) gd = Gemm<transB=1>(d, wh2, vb) p1 = Add(gy, gd) d1 = Tanh(p1)"""
CUT = (
    f"{SUM} {SPLIT_LSTM} {LSTM}".replace("c1 =", "cn =")
    .replace("Tanh(c1)", "Tanh(cn)")
    .replace("h1 =", "hn =")
)
WITHIN = "l_ = Cast<to=7>(lengths) l = Unsqueeze(l_, one_v) live = Less(i_, l)"
ENDS = f"{CUT} {WITHIN} h1 = Where(live, hn, h) c1 = Where(live, cn, c) e = Where(live, hn, nil)"
OVER = f"""{BOTH} s = Add(gh, gx) hn = Tanh(s) l_ = Cast<to=7>(lengths) l = Unsqueeze(l_, one_v)
    over = GreaterOrEqual(i_, l) h1 = Where(over, h, hn)"""
CASES: dict[str, tuple[Cell, tuple[str, ...]]] = {
    "torch": (TORCH_LSTM, ("lstm",)),
    "backwards": (replace(TORCH_LSTM, reverse=True, symbolic=True), ("lstm",)),
    "a cell of one step": (Cell(ONE_STEP, weights(4, **SHORT), ("h", "c"), loop=True), ("lstm",)),
    "while": (
        Cell(
            f"{JOINED} {SPLIT_LSTM} {LSTM}",
            weights(4, k=(INPUTS + HIDDEN, 16)),
            ("h", "c"),
            while_=True,
            symbolic=True,
        ),
        ("lstm",),
    ),
    "peepholes": (Cell(PEEPHOLES, weights(4, p0=(4,), p1=(1, 4), p2=(4,)), ("h", "c")), ("lstm",)),
    "torch gru": (replace(TORCH_GRU, loop=True, symbolic=True), ("gru",)),
    "keras gru": (Cell(f"{BOTH} {SPLIT_GRU} {GRU} {MIXED}", weights(3), while_=True), ("gru",)),
    "reset before": (
        Cell(f"{RESET} {MIXED}", weights(3, **KERNELS) | SIZES, reverse=True),
        ("gru",),
    ),
    "a head": (Cell(HEAD, weights(1, head=(4, 4), hb=(4,)), scanned=("shown",), reverse=True), ("rnn",)),
    "two cells": (
        Cell(TWO, weights(4, vx=(4, 4), wh2=(4, 4), vb=(4,)), ("h", "c", "d"), ("d1", "h1"), loop=True),
        ("lstm", "rnn"),
    ),
    "lengths": (
        Cell(ENDS, weights(4) | SIZES, ("h", "c"), ("e",), loop=True, lengths=True, symbolic=True),
        ("lstm",),
    ),
    "lengths, states alone": (
        Cell(OVER, weights(1) | SIZES, ("h",), (), loop=True, lengths=True),
        ("rnn",),
    ),
    "gates apart": (Cell(f"{APART} {MIXED}", weights(3, wr=(5, 4), wz=(5, 4), wn=(5, 4))), ("gru",)),
}


def simplified(cell: Cell, precision: str = "fp16", *disabled: str) -> tuple[Module, PassContext]:
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy(precision), disabled=frozenset(disabled))
    module = import_model(cell.model().SerializeToString())
    return PassManager(SIMPLIFY, context, verify_each="semantics").run(module), context


def kinds(module: Module) -> tuple[str, ...]:
    return tuple(op.name.removeprefix("graph.") for op in recurrent_ops(module))


@pytest.mark.parametrize("name", CASES)
def test_loops_of_cells_are_recurrent_ops(name: str) -> None:
    cell, want = CASES[name]
    module, context = simplified(cell)
    assert kinds(module) == want and not any(isinstance(op, Loop) for op in module.walk())
    assert [record.rule for record in context.ledger].count(RULE) == len(want)
    expected = run_onnxruntime(cell.model(), cell.inputs())
    for output, array in interpret(module, cell.inputs()).items():
        if output in expected:
            np.testing.assert_allclose(array, expected[output], rtol=0, atol=2e-6)


STAY = {
    "memories of all steps": Cell(f"{SUM} {SPLIT_LSTM} {LSTM}", weights(4), ("h", "c"), ("c1",)),
    "a state in a gate": Cell(
        f"{SUM} {SPLIT_LSTM} {LSTM}".replace("Tanh(g)", "Mul(g, h)"), weights(4), ("h", "c")
    ),
    **{
        f"gate {gate} of all units at once": Cell(
            f"{SUM} {SPLIT_LSTM} {gate}1 = Slice({gate}, zero_v, one_v, one_v) "
            + LSTM.replace(f"({gate})", f"({gate}1)"),
            weights(4),
            ("h", "c"),
        )
        for gate in "ifgo"
    },
    "an update of all units at once": Cell(
        f"{BOTH} {SPLIT_GRU} {GRU} {MIXED}".replace("Sigmoid(z0)", "Sigmoid(z1)").replace(
            "z = ", "z1 = Slice(z0, zero_v, one_v, one_v) z = "
        ),
        weights(3) | SIZES,
    ),
    "a reset of all units at once": Cell(
        f"{BOTH} {SPLIT_GRU} {GRU} {MIXED}".replace("Mul(r, hn)", "Mul(r1, hn)").replace(
            "rn = ", "r1 = Slice(r, zero_v, one_v, one_v) rn = "
        ),
        weights(3) | SIZES,
    ),
    "a product of all units at once": Cell(
        f"{BOTH} {SPLIT_GRU} {GRU} {MIXED}".replace("Mul(r, hn)", "Mul(r, h2)").replace(
            "rn = ", "h2 = Slice(hn, zero_v, one_v, one_v) rn = "
        ),
        weights(3) | SIZES,
    ),
    "another mixture": Cell(TORCH_GRU.body.replace("Sub(h, n)", "Sub(n, h)"), weights(3)),
    "a state that is no factor": Cell(f"{SUM} h1_ = Add(s, h) h1 = Tanh(h1_)", weights(1)),
    "a chosen state": Cell(
        f"{SUM} hn = Tanh(s) b = Greater(xt, nil) b4 = Slice(b, zero_v, four, one_v) h1 = Where(b4, hn, h)",
        weights(1),
    ),
}


@pytest.mark.parametrize("name", STAY)
def test_other_loops_stay(name: str) -> None:
    cell = replace(
        STAY[name],
        stored=STAY[name].stored | {"zero_v": np.array([0]), "four": np.array([4]), "one_v": np.array([1])},
    )
    module, context = simplified(cell)
    assert kinds(module) == () and any(isinstance(op, Loop) for op in module.walk())
    assert RULE not in [record.rule for record in context.ledger]


@pytest.mark.parametrize(
    ("precision", "disabled"), [("fp16", (RULE,)), ("fp32", (RECURRENCE_KERNEL,))]
)
def test_loops_that_no_kernel_may_run_stay(precision: str, disabled: tuple[str, ...]) -> None:
    module, _ = simplified(TORCH_LSTM, precision, *disabled)
    assert kinds(module) == ()
