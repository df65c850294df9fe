"""Steps that compute: elementwise, along axes, products of matrices."""

from __future__ import annotations

import numpy as np
from onnx import numpy_helper

from .draft import Draft, Step


def unary(d: Draft) -> str:
    return d.add(d.choice("Relu", "Sigmoid", "Neg", "Tanh"), d.pick())


def binary(d: Draft) -> str:
    return d.add(d.choice("Add", "Mul", "Sub", "Max"), d.pick(), d.random.choice(d.floats))


def where(d: Draft) -> str:
    limit = d.const(np.float32(0.1))
    return d.add("Where", d.add("Greater", d.pick(), limit), d.pick(), d.random.choice(d.floats))


def by_size(d: Draft) -> str:
    """A value times a number computed from sizes."""
    return d.add("Mul", d.pick(), d.add("Cast", d.any_size(), to=1))


def filled(d: Draft) -> str:
    value = numpy_helper.from_array(np.array([0.5], np.float32))
    return d.add("Add", d.pick(), d.add("ConstantOfShape", d.add("Shape", d.pick(least=1)), value=value))


def reduce(d: Draft) -> str:
    x = d.pick(least=1)
    op = d.choice("ReduceMean", "ReduceSum", "ReduceMax")
    if op == "ReduceSum":
        return d.add(op, x, d.ints(d.axis(x)), keepdims=d.choice(0, 1))
    return d.add(op, x, d.ints(d.axis(x)), keepdims=d.choice(0, 1))


def softmax(d: Draft) -> str:
    x = d.pick(least=1)
    return d.add("Softmax", x, axis=d.axis(x))


def layer_norm(d: Draft) -> str:
    x = d.pick(least=2)
    width = d.shape(x)[-1]
    return d.add("LayerNormalization", x, d.weights(width), d.weights(width))


def linear(d: Draft) -> str:
    x = d.pick(least=2)
    return d.add("MatMul", x, d.weights(d.shape(x)[-1], 4))


def matmul(d: Draft) -> str:
    return d.add("MatMul", d.pick(least=2), d.random.choice(d.floats))


def attention(d: Draft) -> str:
    """Heads of a sequence over keys, some of which may have been kept from steps before."""
    x = d.pick(rank=3)
    width = d.shape(x)[2]
    heads = [d.ints(0, 0, 2, 2), d.ints(0, 0, -1)]
    q, k, v = (d.add("MatMul", x, d.weights(width, 4)) for _ in range(3))
    q, k, v = (d.add("Transpose", d.add("Reshape", t, heads[0]), perm=[0, 2, 1, 3]) for t in (q, k, v))
    pasts = [y for y in d.inputs if d.rank(y) == 4 and d.shape(y)[1] == 2 and d.shape(y)[3] == 2]
    if pasts:
        k, v = (
            d.add("Concat", past, t, axis=2) for past, t in zip((pasts[0], pasts[-1]), (k, v), strict=True)
        )
    scores = d.add("MatMul", q, d.add("Transpose", k, perm=[0, 1, 3, 2]))
    if d.random.random() < 0.5:
        scores = d.add("Add", scores, d.random.choice(d.floats))
    mixed = d.add("MatMul", d.add("Softmax", scores, axis=-1), v)
    return d.add("Reshape", d.add("Transpose", mixed, perm=[0, 2, 1, 3]), heads[1])


STEPS: tuple[Step, ...] = (
    unary, binary, binary, where, by_size, filled, reduce, softmax, layer_norm, linear, matmul,
    attention,
)  # fmt: skip
