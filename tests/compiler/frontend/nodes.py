"""Single ONNX nodes, imported and interpreted, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.dialects.control import CONTROL
from glassrt.dialects.core.builtin import CORE
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph import GRAPH
from onnx import ModelProto, helper

from ...models import Array, node_model, run_onnxruntime

LEVEL = DialectSet((CORE, CONTROL, GRAPH))


@dataclass(frozen=True)
class Case:
    """A node on ARRAYS (None: an absent input). Those at the indices in `constant` are initialisers.

    `steps` is by how much integers may differ from ONNX Runtime's, a tenth of them at most.
    """

    op: str
    opsets: Sequence[int]
    arrays: Sequence[Array | None]
    attributes: dict[str, Any] = field(default_factory=dict)
    constant: Sequence[int] = ()
    outputs: int = 1
    tolerance: float = 2e-5
    domain: str = ""
    steps: int = 0

    def model(self, opset: int) -> ModelProto:
        names = ["" if array is None else f"x{index}" for index, array in enumerate(self.arrays)]
        outputs = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(
            self.op, names, outputs, name="the node", domain=self.domain, **self.attributes
        )
        given = {n: a for n, a in zip(names, self.arrays, strict=True) if a is not None}
        stored = {f"x{index}" for index in self.constant}
        inputs = {name: array for name, array in given.items() if name not in stored}
        constants = {name: array for name, array in given.items() if name in stored}
        return node_model(node, inputs, constants, opset)

    @property
    def inputs(self) -> dict[str, Array]:
        arrays = {f"x{index}": array for index, array in enumerate(self.arrays) if array is not None}
        return {name: array for name, array in arrays.items() if int(name[1:]) not in self.constant}


def case(op: str, opsets: int | Sequence[int], *arrays: Array | None, **options: Any) -> Case:
    """A case; options that `Case` does not know are attributes of the node."""
    draw_anew()
    names = ("constant", "outputs", "tolerance", "domain", "steps")
    known = {key: options.pop(key) for key in names if key in options}
    return Case(op, (opsets,) if isinstance(opsets, int) else opsets, arrays, options, **known)


def check(given: Case, opset: int) -> None:
    """Importing and interpreting the node gives what ONNX Runtime gives."""
    model = given.model(opset)
    expected = run_onnxruntime(model, given.inputs)
    module = import_model(model.SerializeToString())
    verify(module, LEVEL)
    actual = interpret(module, given.inputs)
    for name, want in expected.items():
        have = actual[name]
        assert have.dtype == want.dtype
        assert have.shape == want.shape
        if given.steps:
            apart = np.abs(have.astype(np.int64) - want.astype(np.int64))
            assert apart.max(initial=0) <= given.steps
            assert np.mean(apart > 0) <= 0.1
        elif want.dtype.kind in "biu":
            np.testing.assert_array_equal(have, want)
        else:
            loose = 2e-3 if want.dtype.itemsize < 4 else given.tolerance
            np.testing.assert_allclose(have, want, rtol=loose, atol=loose)


def expanded(cases: Sequence[Case]) -> list[Any]:
    """(case, opset) pairs with readable ids, for parametrize."""
    return [(given, opset) for given in cases for opset in given.opsets]


def label(value: Any) -> str:
    """The id of a parameter."""
    if isinstance(value, Case):
        details = "-".join(f"{key}={item}" for key, item in value.attributes.items())
        return f"{value.op}-{details}" if details else value.op
    return f"opset{value}"


_RNG = np.random.default_rng()


def draw_anew(seed: int = 7) -> None:
    """Begin the random numbers again. Every case does when its own are drawn, as its arguments: a case that
    is added then leaves the numbers of those behind it alone."""
    _RNG.bit_generator.state = np.random.PCG64(seed).state


draw_anew()


def real(*shape: int, dtype: Any = np.float32, low: float = -2.0, high: float = 2.0) -> Array:
    """Uniform random numbers."""
    return _RNG.uniform(low, high, shape).astype(dtype)


def whole(*shape: int, dtype: Any = np.int64, low: int = -9, high: int = 9) -> Array:
    """Uniform random integers, the upper end excluded."""
    return _RNG.integers(low, high, shape).astype(dtype)


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


def scalar(value: Any, dtype: Any = np.int64) -> Array:
    return np.array(value, dtype)
