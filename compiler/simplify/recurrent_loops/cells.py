"""Cells: what is carried from one step of a loop to the next, as gates of LSTM, GRU or RNN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ....dialects.core.ir import Operation, Value
from ....dialects.graph import activations, trigonometric, unary
from ....dialects.graph.binary import Add, Mul, Sub
from ....dialects.graph.elementwise import Clip
from ....dialects.graph.gates import GateFunction
from ....dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn
from .body import NoRecurrence, StepBody, bare, either_way, operands_of, uncut
from .lengths import Live, live_of
from .sums import Sum, Summand, sum_of

FUNCTIONS: dict[type[Operation], str] = {
    activations.Elu: "elu",
    activations.HardSigmoid: "hardsigmoid",
    activations.LeakyRelu: "leakyrelu",
    activations.Relu: "relu",
    activations.Softplus: "softplus",
    activations.Softsign: "softsign",
    activations.ThresholdedRelu: "thresholdedrelu",
    unary.Sigmoid: "sigmoid",
    trigonometric.Tanh: "tanh",
}


@dataclass(frozen=True)
class Gate:
    """A function of a sum, bounded by `clip` unless that is 0: of the columns of `of` from `start` on."""

    function: GateFunction
    of: Value
    start: int
    clip: float


@dataclass(frozen=True)
class SpelledCell:
    """A cell: the op that it is of; the values in the body that are its states, and those after the step.

    sums: of each gate, in the op's order; functions: as the op has them. hidden_bias: of the last gate of a
    GRU, what is added to its product before it is reset; peepholes: of an LSTM, of the gates i, o and f;
    live: which sequences a step is of, if not of all.
    """

    kind: type[Recurrence]
    states: tuple[Value, ...]
    after: tuple[Value, ...]
    sums: tuple[Sum, ...]
    functions: tuple[GateFunction, ...]
    clip: float
    hidden_bias: tuple[Summand, ...] = ()
    peepholes: tuple[Value, ...] = ()
    coupled: bool = False
    linear: bool = True
    live: Live | None = None

    @property
    def hidden(self) -> int:
        """The units of the cell."""
        return _size(self.states[0])


def _size(state: Value) -> int:
    """The units of the cell that STATE is of."""
    size = state.type.shape[-1]
    if not isinstance(size, int):
        raise NoRecurrence
    return size


def cells_in(body: StepBody) -> Iterator[SpelledCell]:
    """The cells that the values which BODY carries may be of."""
    yielded = dict(zip(body.states, body.loop.yielded, strict=False))
    lives = {live for value in yielded.values() if (live := live_of(body, value)) is not None}
    for live in (None, *lives):
        after = {state: _after(live, state, value) for state, value in yielded.items()}
        known = {state: value for state, value in after.items() if value is not None and state.type.rank}
        for cell in _cells(body, known):
            yield replace(cell, live=live)


def _after(live: Live | None, state: Value, value: Value) -> Value | None:
    """The new state that VALUE is where there is a step, by LIVE, and STATE stays else; None if it is no such
    choice."""
    if live is None:
        return bare(value)
    found = live.chosen(value)
    return bare(found[0]) if found is not None and bare(found[1]) is state else None


def _cells(body: StepBody, after: dict[Value, Value]) -> Iterator[SpelledCell]:
    for state in after:
        for memory in after:
            if memory is not state and memory.type == state.type:
                yield from _tried(_lstm(body, state, memory, after))
        yield from _tried(_gru(body, state, after[state]))
        yield from _tried(_rnn(body, state, after[state]))


def _tried(found: Iterator[SpelledCell]) -> Iterator[SpelledCell]:
    """The cells FOUND, none where the body cannot be such a one."""
    try:
        yield from found
    except NoRecurrence:
        return


def _gate(body: StepBody, value: Value, hidden: int) -> Gate | None:
    """The gate that VALUE is; None if it is no function of a sum, or has no column for each HIDDEN unit: one
    that all units share is broadcast."""
    if value.type.shape[-1:] != (hidden,):
        return None
    value, start = uncut(value)
    op = value.producer
    name = FUNCTIONS.get(type(op)) if op is not None else None
    if op is None or name is None:
        return None
    numbers = (float(op.attributes.get(key) or 0.0) for key in ("alpha", "beta"))
    of, clip = op.inputs[0], 0.0
    bounded = bare(of).producer
    if isinstance(bounded, Clip):
        low, high = (body.array(bound) for bound in (bounded.low, bounded.high))
        if low is None or high is None or float(low) != -float(high) or float(high) <= 0:
            return None
        of, clip = bounded.x, float(high)
    return Gate(GateFunction(name, *numbers), of, start, clip)


def _sums(body: StepBody, gates: tuple[Gate, ...], hidden: int) -> tuple[Sum, ...]:
    """The sums of GATES, which are bounded alike."""
    if len({gate.clip for gate in gates}) != 1:
        raise NoRecurrence
    return tuple(sum_of(body, gate.of, gate.start, hidden) for gate in gates)


def _lstm(body: StepBody, state: Value, memory: Value, after: dict[Value, Value]) -> Iterator[SpelledCell]:
    for shown, function in either_way(after[state], Mul):
        out = _gate(body, function, _size(state))
        if out is None or out.clip or out.start or bare(out.of) is not after[memory]:
            continue
        for kept, new in either_way(after[memory], Add):
            for forget, old in either_way(kept, Mul):
                if bare(old) is memory:
                    for admitted, fresh in either_way(new, Mul):
                        values = admitted, shown, forget, fresh
                        yield from _tried(_lstm_of(body, (state, memory), after, values, out.function))


def _lstm_of(
    body: StepBody,
    states: tuple[Value, Value],
    after: dict[Value, Value],
    values: tuple[Value, ...],
    out: GateFunction,
) -> Iterator[SpelledCell]:
    """The cell whose gates i, o, f and c are VALUES."""
    state, memory = states
    admitted, shown, forget, fresh = values
    size = _size(state)
    i, o, c = (_gate(body, value, size) for value in (admitted, shown, fresh))
    coupled = _is_rest(body, forget, admitted)
    f = i if coupled else _gate(body, forget, size)
    if i is None or o is None or f is None or c is None or not i.function == o.function == f.function:
        return
    sums = _sums(body, (i, o, f, c), size)
    seen = [
        _peephole(body, each, of) for each, of in zip(sums, (memory, after[memory], memory), strict=False)
    ]
    some = [each for each in seen if each is not None]
    if sums[3].others or (some and len(some) < len(seen)) or not _multiplies(sums, state):
        return
    functions = (i.function, c.function, out)
    found = tuple(after[each] for each in states)
    yield SpelledCell(Lstm, states, found, sums, functions, i.clip, peepholes=tuple(some), coupled=coupled)


def _peephole(body: StepBody, gate: Sum, memory: Value) -> Value | None:
    """The weights by which GATE sees MEMORY; None if it does not."""
    if not gate.others:
        return None
    (other,) = gate.others if len(gate.others) == 1 else (None,)
    for weights, of in () if other is None or other.start else either_way(other.value, Mul):
        if bare(of) is memory and not body.depends(weights):
            return weights
    raise NoRecurrence


def _multiplies(sums: tuple[Sum, ...], state: Value) -> bool:
    """Whether each of SUMS has one product, of STATE."""
    return all([part.value for part in each.products] == [state] for each in sums)


def _is_rest(body: StepBody, value: Value, gate: Value) -> bool:
    """Whether VALUE is 1 - GATE."""
    found = operands_of(value, Sub)
    return found is not None and body.is_splat(found[0], 1) and bare(found[1]) is bare(gate)


def _gru(body: StepBody, state: Value, after: Value) -> Iterator[SpelledCell]:
    for update, fresh in _mixed(body, state, after):
        size = _size(state)
        z, h = _gate(body, update, size), _gate(body, fresh, size)
        if z is None or h is None:
            continue
        sums = _sums(body, (z, h), size)
        if not sums[0].others and _multiplies(sums[:1], state):
            yield from _tried(_linear(body, state, after, (z, h), sums))
            yield from _tried(_reset_before(body, state, after, (z, h), sums))


def _mixed(body: StepBody, state: Value, after: Value) -> Iterator[tuple[Value, Value]]:
    """The update and the new state by which AFTER mixes STATE: z * h + (1 - z) * n, or z * (h - n) + n."""
    for kept, new in either_way(after, Add):
        for update, old in either_way(kept, Mul):
            if bare(old) is state:
                for rest, fresh in either_way(new, Mul):
                    if _is_rest(body, rest, update):
                        yield update, fresh
            change = operands_of(old, Sub)
            if change is not None and bare(change[0]) is state and bare(change[1]) is bare(new):
                yield update, new


def _linear(
    body: StepBody, state: Value, after: Value, gates: tuple[Gate, Gate], sums: tuple[Sum, ...]
) -> Iterator[SpelledCell]:
    """The GRU that resets the product of its state."""
    z, h = gates
    if sums[1].products or len(sums[1].others) != 1 or sums[1].others[0].start:
        return
    size = _size(state)
    for reset, inner in either_way(sums[1].others[0].value, Mul):
        r = _gate(body, reset, size)
        if r is None or r.function != z.function or not body.depends(inner):
            continue
        (resets,) = _sums(body, (r,), size)
        product = sum_of(body, inner, 0, size)
        last = Sum(product.products, sums[1].given)
        found = (sums[0], resets, last)
        if r.clip == z.clip and not resets.others and not product.others and _multiplies(found, state):
            functions, bias = (z.function, h.function), tuple(product.given)
            yield SpelledCell(Gru, (state,), (after,), found, functions, z.clip, hidden_bias=bias)


def _reset_before(
    body: StepBody, state: Value, after: Value, gates: tuple[Gate, Gate], sums: tuple[Sum, ...]
) -> Iterator[SpelledCell]:
    """The GRU that resets its state before the product."""
    z, h = gates
    if sums[1].others or len(sums[1].products) != 1:
        return
    for reset, old in either_way(sums[1].products[0].value, Mul):
        r = _gate(body, reset, _size(state))
        if r is None or r.function != z.function or r.clip != z.clip or bare(old) is not state:
            continue
        (resets,) = _sums(body, (r,), _size(state))
        if not resets.others and _multiplies((resets,), state):
            found, functions = (sums[0], resets, sums[1]), (z.function, h.function)
            yield SpelledCell(Gru, (state,), (after,), found, functions, z.clip, linear=False)


def _rnn(body: StepBody, state: Value, after: Value) -> Iterator[SpelledCell]:
    gate = _gate(body, after, _size(state))
    if gate is not None:
        sums = _sums(body, (gate,), _size(state))
        if not sums[0].others and _multiplies(sums, state):
            yield SpelledCell(Rnn, (state,), (after,), sums, (gate.function,), gate.clip)
