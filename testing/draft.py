"""A random ONNX graph in the making.

A draft knows the value of every tensor at one choice of sizes, since ONNX Runtime executes each node when it
is added. So types, shapes and magnitudes are known to whoever adds the next node, and a graph is valid by
construction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from .choices import ChoiceSource, one_of
from .nodes import Array, run_node

OPSET, IR_VERSION = 21, 10
MOST_ELEMENTS, MOST = 3000, 1e3
MARGIN = 1e-3

Option = TypeVar("Option")
Dims = Sequence[int | str]


class Unfit(Exception):
    """A step that cannot be taken with the tensors that are there."""


@dataclass
class Draft:
    """A graph in the making, or a body of one that sees the tensors around it.

    `values` holds every tensor that may be read, at the sizes `sizes` of the dimensions with names; `floats`
    are those of type f32, the newest last. `smooth` says that no step so far turned on a comparison or a
    rounding, so that small errors stay small. With `special`, inputs hold NaN and infinities, and any result
    is taken; otherwise a node is Unfit where results leave the usual numbers, or are nothing but zeros.
    """

    choices: ChoiceSource
    sizes: dict[str, int]
    special: bool = False
    around: Draft | None = None
    inputs: dict[str, Dims] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    nodes: list[NodeProto] = field(default_factory=list)
    values: dict[str, Array] = field(default_factory=dict)
    floats: list[str] = field(default_factory=list)
    smooth: bool = True
    names: int = 0

    # ------------------------------------------------------------ choices

    def integer(self, low: int, high: int) -> int:
        """A number from LOW to HIGH, both included; Unfit where there is none."""
        if high < low:
            raise Unfit("nothing to choose from")
        return self.choices.integer(low, high)

    def choice(self, *options: Option) -> Option:
        """One of OPTIONS; Unfit where there is none."""
        if not options:
            raise Unfit("nothing to choose from")
        return one_of(self.choices, options)

    def chance(self, percent: int) -> bool:
        """Whether something of PERCENT happens."""
        return self.integer(0, 99) >= 100 - percent

    def pick(self, fits: Callable[[Array], bool] = lambda array: True, what: str = "fitting") -> str:
        """A float tensor that FITS, late ones more often; Unfit where there is none."""
        fitting = [name for name in self.floats if fits(self.values[name])]
        if not fitting:
            raise Unfit(f"no {what} tensor")
        return self.choice(*fitting[-2:]) if self.chance(60) else self.choice(*fitting)

    def ranked(self, low: int, high: int = 5) -> str:
        """A float tensor of LOW to HIGH dimensions."""
        return self.pick(lambda array: low <= array.ndim <= high, f"{low} to {high}-dimensional")

    def axis(self, name: str) -> int:
        """An axis of a tensor, counted from the end now and then."""
        rank = self.rank(name)
        if not rank:
            raise Unfit("a scalar has no axis")
        axis = self.integer(0, rank - 1)
        return axis - rank if self.chance(20) else axis

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.values[name].shape)

    def rank(self, name: str) -> int:
        return self.values[name].ndim

    # ------------------------------------------------------------ tensors

    def fresh(self, prefix: str) -> str:
        """A name that the whole graph has only once."""
        root = self
        while root.around is not None:
            root = root.around
        root.names += 1
        return f"{prefix}{root.names}"

    def numbers(self, shape: Sequence[int], scale: float = 1.0, special: bool = False) -> Array:
        """Normal f32 numbers; with SPECIAL, a few NaNs, infinities and zeros of both signs among them."""
        generator = np.random.default_rng(self.integer(0, 1 << 30))
        array = (generator.standard_normal(shape) * scale).astype(np.float32)
        if special:
            places = generator.random(shape) < 0.1
            odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30], np.float32)
            array = np.where(places, generator.choice(odd, shape), array)
        return array

    def input(self, *dims: int | str, array: Array | None = None) -> str:
        """An input with the DIMS, numbers or names; normal floats unless ARRAY is given."""
        root = self
        while root.around is not None:
            root = root.around
        name = self.fresh("x")
        shape = [d if isinstance(d, int) else self.sizes[d] for d in dims]
        root.inputs[name] = dims
        value = self.numbers(shape, special=self.special) if array is None else array
        each: Draft | None = self
        while each is not None:
            each.know(name, value)
            each = each.around
        return name

    def const(self, array: Any) -> str:
        name = self.fresh("c")
        self.constants[name] = np.asarray(array)
        self.values[name] = self.constants[name]
        return name

    def ints(self, *values: int) -> str:
        """A constant vector of i64."""
        return self.const(np.array(values, np.int64))

    def weights(self, *shape: int) -> str:
        """A constant of normal floats, scaled so that sums over all but the first axis stay near 1."""
        return self.const(self.numbers(shape, max(1, int(np.prod(shape[1:]))) ** -0.5))

    def know(self, name: str, value: Array) -> None:
        """Let later steps read the tensor NAME."""
        self.values[name] = np.asarray(value)
        if value.dtype == np.float32:
            self.floats.append(name)

    # ------------------------------------------------------------ nodes

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The result of a new node of one output; Unfit where ONNX Runtime refuses it. See `add_all`."""
        return self.add_all(op, *inputs, **attributes)[0]

    def add_all(
        self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any
    ) -> list[str]:
        """The results of a new node, in order. An input without a name is absent."""
        names = [self.fresh("t") for _ in range(outputs)]
        node = helper.make_node(op, inputs, names, f"{op.lower()}_{names[0]}", domain=domain, **attributes)
        try:
            found = run_node(node, self.values, OPSET, IR_VERSION)
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise Unfit(str(error)) from None
        self._check_sound(found)
        self.nodes.append(node)
        for name, array in zip(names, found, strict=True):
            self.know(name, array)
        return names

    def _check_sound(self, found: Sequence[Array]) -> None:
        """Unfit unless results are of some size, and floats among them usual numbers that carry signal."""
        for array in found:
            if array.size > MOST_ELEMENTS or not array.size:
                raise Unfit("too many elements, or none")
            if self.special or array.dtype.kind != "f":
                continue
            if not (np.abs(array) < MOST).all():
                raise Unfit("large numbers")
            if not array.any():
                raise Unfit("nothing but zeros")

    def jumps(self, distances: Array, special: bool = False) -> None:
        """Say that a step turns on numbers of which DISTANCES tell how far they are from where it jumps.

        Unfit where one is so near that the rounding of another implementation would decide, and for NaN and
        infinities unless the step is defined for these, SPECIAL.
        """
        if self.special and not special:
            raise Unfit("implementations disagree about NaN")
        if not self.special and not (np.abs(distances) > MARGIN).all():
            raise Unfit("a tie, nearly")
        each: Draft | None = self
        while each is not None:
            each.smooth = False
            each = each.around

    # ------------------------------------------------------------ bodies

    def body(self) -> Draft:
        """A draft of a subgraph, which may read everything around it."""
        return Draft(
            self.choices,
            self.sizes,
            self.special,
            self,
            values=dict(self.values),
            floats=list(self.floats),
        )

    def argument(self, value: Array) -> str:
        """An argument of a body, which is VALUE at first."""
        name = self.fresh("a")
        self.inputs[name] = ()
        self.know(name, value)
        return name

    def made_here(self, name: str) -> str:
        """NAME where a node of this draft made it, else a copy, as results of a body have to be."""
        made = any(name in node.output for node in self.nodes)
        return name if made else self.add("Identity", name)

    def graph(self, name: str, outputs: Sequence[str]) -> GraphProto:
        """The subgraph: what was added, with the arguments as inputs, of any sizes."""
        arguments = [self._typed(argument) for argument in self.inputs]
        stored = [numpy_helper.from_array(array, each) for each, array in self.constants.items()]
        return helper.make_graph(self.nodes, name, arguments, [self._typed(o) for o in outputs], stored)

    def _typed(self, name: str) -> Any:
        kind = helper.np_dtype_to_tensor_dtype(self.values[name].dtype)
        return helper.make_tensor_value_info(name, kind, [None] * self.rank(name))


FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
