"""Loops over steps as exporters and frameworks write them, as ONNX models in text."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from onnx import ModelProto, numpy_helper, parser

from ....models import Array

STEPS, BATCH, INPUTS, HIDDEN = 7, 3, 5, 4
SPLIT_LSTM = "i, f, g, o = Split<axis=1>(s)"
LSTM = """si = Sigmoid(i) sf = Sigmoid(f) tg = Tanh(g) so = Sigmoid(o)
          kept = Mul(sf, c) new = Mul(si, tg) c1 = Add(kept, new) tc = Tanh(c1) h1 = Mul(so, tc)"""
SPLIT_GRU = "xr, xz, xn = Split<axis=1>(gx) hr, hz, hn = Split<axis=1>(gh)"
GRU = """r0 = Add(xr, hr) r = Sigmoid(r0) z0 = Add(xz, hz) z = Sigmoid(z0)
         rn = Mul(r, hn) n0 = Add(xn, rn) n = Tanh(n0)"""
BOTH = "gx = Gemm<transB=1>(xt, wx, bx) gh = Gemm<transB=1>(h, wh, bh)"
STATES = dict.fromkeys("hcd", (BATCH, HIDDEN))


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def weights(gates: int, **more: tuple[int, ...]) -> dict[str, Array]:
    """Weights of cells with GATES gates in PyTorch's layout, and MORE by shape."""
    rows = gates * HIDDEN
    shapes = {"wx": (rows, INPUTS), "wh": (rows, HIDDEN), "bx": (rows,), "bh": (rows,), **more}
    draw = generator()
    return {name: draw.uniform(-0.7, 0.7, shape).astype(np.float32) for name, shape in shapes.items()}


@dataclass
class Cell:
    """A cell by its nodes: from `xt` and states, such as `h`, to those after it, `h1`.

    scanned: what is stacked; loop: by a Loop whose body gathers the step, along axis 1, else by Scan; while_:
    with a counter and a condition of its own; reverse: the Scan goes backwards; symbolic: the steps are a
    symbol.
    """

    body: str
    stored: dict[str, Array]
    states: tuple[str, ...] = ("h",)
    scanned: tuple[str, ...] = ("h1",)
    loop: bool = False
    while_: bool = False
    reverse: bool = False
    symbolic: bool = False
    lengths: bool = False
    shapes: dict[str, tuple[int, ...]] = field(default_factory=lambda: dict(STATES))

    def model(self) -> ModelProto:
        """The model: inputs are x and the states (`h0`), outputs the last ones (`hN`) and what is scanned."""
        types = {name: f"float[{','.join(map(str, self.shapes[name]))}]" for name in self.states}
        states = ", ".join(f"{types[name]} {name}" for name in self.states)
        elements = [f"float[{BATCH},{HIDDEN}] e{at}" for at in range(len(self.scanned))]
        copies = " ".join(f"e{at} = Identity({name})" for at, name in enumerate(self.scanned))
        after = [f"{types[name]} {name}1" for name in self.states]
        results = ", ".join(
            [*(f"{name}N" for name in self.states), *(f"y{at}" for at in range(len(elements)))]
        )
        given = ", ".join(f"{name}0" for name in self.states)
        text = self._looped if self.loop or self.while_ else self._scan
        nodes = text(states, after, elements, f"{self.body} {copies}", results, given)
        steps = "T" if self.symbolic else str(STEPS)
        shape = f"{BATCH},{steps}" if self.loop else f"{steps},{BATCH}"
        heads = [f"float[{shape},{INPUTS}] x", *(f"{types[name]} {name}0" for name in self.states)]
        heads += ["int32[3] lengths"] if self.lengths else []
        ends = [f"{types[name]} {name}N" for name in self.states]
        ends += [f"float[{steps},{BATCH},{HIDDEN}] y{at}" for at in range(len(elements))]
        head = '<ir_version: 9, opset_import: ["" : 17]>'
        whole = f"{head} cells ({', '.join(heads)}) => ({', '.join(ends)}) {{ {nodes} }}"
        made = parser.parse_model(whole)
        numbers = {"zero": np.array(0), "one_i": np.array(1), "one": np.float32(1), "nil": np.float32(0)}
        stored = {**self.stored, **numbers, "turned": np.array([0])}
        made.graph.initializer.extend(numpy_helper.from_array(np.asarray(a), n) for n, a in stored.items())
        return made

    def _scan(
        self, states: str, after: list[str], elements: list[str], body: str, results: str, given: str
    ) -> str:
        inputs = f"{states}, float[{BATCH},{INPUTS}] xt"
        ways = f"scan_input_directions=[{int(self.reverse)}]"
        if elements:
            ways += f", scan_output_directions=[{','.join(str(int(self.reverse)) for _ in elements)}]"
        graph = f"body = b ({inputs}) => ({', '.join(after + elements)}) {{ {body} }}"
        return f"{results} = Scan<num_scan_inputs=1, {ways}, {graph}>({given}, x)"

    def _looped(
        self, states: str, after: list[str], elements: list[str], body: str, results: str, given: str
    ) -> str:
        head, more = f"int64 i_, bool go, {states}", "next_go = Identity(go)"
        taken = f"xt = Gather<axis={int(self.loop)}>(x, i_)"
        count, extra, first = f"trips = Gather<axis=0>(sizes, {'one_i' if self.loop else 'zero'})", "", ""
        if self.while_:
            head, extra, first = f"int64 i_, bool go, int64 at, {states}", "int64 at1, ", "zero, "
            taken = f"xt = Gather<axis={int(self.loop)}>(x, at)"
            more = "at1 = Add(at, one_i) next_go = Less(at1, trips)"
            results = f"atN, {results}"
        outputs = f"bool next_go, {extra}{', '.join(after + elements)}"
        graph = f"body = b ({head}) => ({outputs}) {{ {taken} {body} {more} }}"
        limit = "" if self.while_ else "trips"
        return f"sizes = Shape(x) {count} {results} = Loop<{graph}>({limit}, , {first}{given})".replace(
            "(, ,", "( , ,"
        )

    def inputs(self) -> dict[str, Array]:
        """Random inputs of the model."""
        draw = generator()
        shape = (BATCH, STEPS, INPUTS) if self.loop else (STEPS, BATCH, INPUTS)
        found = {"x": draw.standard_normal(shape).astype(np.float32)}
        for name in self.states:
            found[f"{name}0"] = draw.uniform(-1, 1, self.shapes[name]).astype(np.float32)
        return found | ({"lengths": np.array([4, 7, 1], np.int32)} if self.lengths else {})
