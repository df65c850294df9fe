"""Steps that multiply matrices: products, linear layers, attention, Einsum."""

from __future__ import annotations

import numpy as np

from ..draft import Draft
from .registry import node_maker


@node_maker
def linear(d: Draft) -> str:
    x = d.ranked(2)
    columns = d.integer(1, 5)
    product = d.add("MatMul", x, d.weights(d.shape(x)[-1], columns))
    return d.add("Add", product, d.weights(columns)) if d.chance(50) else product


@node_maker
def product(d: Draft) -> str:
    x = d.ranked(2, 4)
    rank, width = d.rank(x), d.shape(x)[-1]
    fitting = [y for y in d.floats if d.rank(y) >= 2 and d.shape(y)[-2] == width]
    if fitting and d.chance(50):
        return d.add("MatMul", x, d.choice(*fitting))
    flipped = [*range(rank - 2), rank - 1, rank - 2]
    return d.add("MatMul", x, d.add("Transpose", x, perm=flipped))


@node_maker
def gemm(d: Draft) -> str:
    x = d.pick(lambda array: array.ndim == 2, "matrix")
    turned, other_turned = d.integer(0, 1), d.integer(0, 1)
    depth, columns = d.shape(x)[0 if turned else 1], d.integer(1, 5)
    weights = d.weights(*((columns, depth) if other_turned else (depth, columns)))
    bias = [d.weights(columns)] if d.chance(60) else []
    return d.add("Gemm", x, weights, *bias, transA=turned, transB=other_turned, alpha=d.choice(1.0, 0.5))


@node_maker
def attention(d: Draft) -> str:
    """Heads of a sequence, in the parts that exporters write."""
    x = d.pick(lambda array: array.ndim == 3, "sequence")
    width, heads = d.shape(x)[2], d.ints(0, 0, 2, 2)
    q, k, v = (d.add("MatMul", x, d.weights(width, 4)) for _ in range(3))
    q, k, v = (d.add("Transpose", d.add("Reshape", t, heads), perm=[0, 2, 1, 3]) for t in (q, k, v))
    scores = d.add("MatMul", q, d.add("Transpose", k, perm=[0, 1, 3, 2]))
    scaled = d.add("Mul", scores, d.const(np.float32(0.7)))
    mixed = d.add("MatMul", d.add("Softmax", scaled, axis=-1), v)
    return d.add("Reshape", d.add("Transpose", mixed, perm=[0, 2, 1, 3]), d.ints(0, 0, 4))


@node_maker
def einsum(d: Draft) -> str:
    x = d.pick(lambda array: array.ndim == 2, "matrix")
    y = d.pick(lambda array: array.ndim == 2, "matrix")
    equation = d.choice("ij,kj->ik", "ij,ik->jk", "ij->ji", "ij,ij->", "ij->i", "ii->i", "ij,jk")
    return d.add("Einsum", *([x, y] if "," in equation else [x]), equation=equation)
