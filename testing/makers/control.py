"""Steps with bodies: If, Loop and Scan, whose bodies capture tensors around them and may nest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..draft import FLOAT, Draft, Unfit
from .registry import MAKERS, node_maker

DEEPEST = 2
IN_BODIES = (
    "function", "function", "binary", "binary", "with_constant", "division", "clip", "selected", "linear",
    "softmax", "reduction", "centred", "transpose", "concat", "part", "split", "layer_norm", "gather",
    "rounded", "merge", "unsqueeze", "branch", "loop", "scan", "running_sum", "gemm", "attention", "rms_norm",
    "tile",
)  # fmt: skip


def _enter(d: Draft) -> Draft:
    depth, each = 0, d
    while each.around is not None:
        depth, each = depth + 1, each.around
    if depth >= DEEPEST:
        raise Unfit("nested deeply")
    return d.body()


def grow(d: Draft, steps: int, names: Sequence[str] = IN_BODIES) -> None:
    """Take up to STEPS steps by makers of NAMES; those that do not fit are left out."""
    for _ in range(steps):
        attempt(d, names)


def attempt(d: Draft, names: Sequence[str]) -> bool:
    """Whether a step by one of the makers of NAMES could be taken; else D is as it was."""
    before = len(d.nodes), dict(d.constants), dict(d.values), list(d.floats), dict(d.inputs), d.smooth
    try:
        MAKERS[d.choice(*names)](d)
        return True
    except Unfit:
        del d.nodes[before[0] :]
        _, d.constants, d.values, d.floats, d.inputs, d.smooth = before
        return False


def _like(d: Draft, name: str, shape: tuple[int, ...]) -> str:
    """A tensor of SHAPE that depends on NAME and on what was made here.

    Halved, as x - tanh(x) cancels ever more from one iteration to the next.
    """
    mean = d.add("Tanh", d.add("ReduceMean", d.pick(), keepdims=0))
    spread = d.add("Mul", mean, d.const(np.float32(0.5)))
    if d.shape(name) != shape:
        name = d.add("Expand", d.add("ReduceMax", name, keepdims=0), d.ints(*shape))
    return d.add(d.choice("Add", "Mul", "Sub"), name, spread)


def _results(d: Draft, wanted: Sequence[str]) -> list[str]:
    """Results of a body, one like each of WANTED, all made in it and different."""
    return [d.made_here(_like(d, name, d.shape(name))) for name in wanted]


@node_maker
def branch(d: Draft) -> str:
    """An If on an input, on data, or on a constant, of one or two results."""
    match d.choice("input", "data", "data", "constant"):
        case "input":
            condition = d.input(array=np.array(d.chance(50)))
        case "data":
            total = d.add("ReduceSum", d.pick(), keepdims=0)
            d.jumps(d.values[total] - 0.2)
            condition = d.add("Greater", total, d.const(np.float32(0.2)))
        case _:
            condition = d.const(np.array(d.chance(50)))
    wanted = [d.pick() for _ in range(d.integer(1, 2))]
    found: dict[str, Any] = {}
    for side in ("then_branch", "else_branch"):
        body = _enter(d)
        grow(body, d.integer(0, 3))
        found[side] = body.graph(side, _results(body, wanted))
    return d.add_all("If", condition, outputs=len(wanted), **found)[0]


@node_maker
def loop(d: Draft) -> str:
    """A Loop with a known trip count, one of an input, or a condition; it carries one or two tensors."""
    initial = [d.ranked(0, 3) for _ in range(d.integer(1, 2))]
    kind = d.choice("constant", "constant", "input", "condition")
    count = np.array(d.integer(1, 4), np.int64)
    trips = d.input(array=count) if kind == "input" else d.const(count)
    body = _enter(d)
    step, goes_on = body.argument(np.array(0, np.int64)), body.argument(np.array(True))
    carried = [body.argument(d.values[name]) for name in initial]
    if d.chance(40):
        body.add("Cast", body.add("Add", step, body.const(np.array(1, np.int64))), to=FLOAT)
    grow(body, d.integer(0, 3))
    results = _results(body, carried)
    if kind == "condition":
        following = body.add("Less", step, body.const(np.array(d.integer(0, 3), np.int64)))
    else:
        following = body.add("Identity", goes_on)
    scanned = []
    if kind == "constant" and d.chance(50):
        scanned = [body.made_here(body.add("Tanh", body.pick()))]
    graph = body.graph("body", [following, *results, *scanned])
    outputs = d.add_all("Loop", trips, "", *initial, body=graph, outputs=len(results) + len(scanned))
    return outputs[-1]


@node_maker
def scan(d: Draft) -> str:
    """A Scan over any axis, in any direction, that carries one tensor."""
    x, state = d.ranked(1, 3), d.ranked(0, 2)
    axis = d.integer(0, d.rank(x) - 1)
    body = _enter(d)
    carried = body.argument(d.values[state])
    element = body.argument(np.take(d.values[x], 0, axis))
    grow(body, d.integer(0, 3))
    following = body.made_here(_like(body, carried, d.shape(state)))
    made = body.made_here(body.add("Add", body.add("Tanh", body.pick()), element))
    return d.add_all(
        "Scan", state, x,
        body=body.graph("body", [following, made]), outputs=2, num_scan_inputs=1,
        scan_input_axes=[axis], scan_input_directions=[d.integer(0, 1)],
        scan_output_directions=[d.integer(0, 1)],
    )[1]  # fmt: skip


@node_maker
def recurrence(d: Draft) -> str:
    """An LSTM, GRU or RNN over a sequence."""
    if d.special:
        raise Unfit("ONNX Runtime's gates are numbers for NaN, too")
    x = d.pick(lambda array: array.ndim == 3, "sequence")
    op, gates = d.choice(("LSTM", 4), ("GRU", 3), ("RNN", 1))
    direction = d.choice("forward", "reverse", "bidirectional")
    ways, hidden = 2 if direction == "bidirectional" else 1, d.integer(1, 3)
    shape = (ways, gates * hidden)
    inputs = [x, d.weights(*shape, d.shape(x)[2]), d.weights(*shape, hidden)]
    if d.chance(60):
        inputs.append(d.weights(ways, 2 * gates * hidden))
    return d.add_all(op, *inputs, hidden_size=hidden, direction=direction, outputs=2)[0]
