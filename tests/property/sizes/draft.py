"""A random model in the making."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from glassrt.testing.draft import Unfit
from glassrt.testing.nodes import run_node
from onnx import ModelProto, NodeProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
OPSET, IR_VERSION = 18, 9
MOST_ELEMENTS = 3000


@dataclass
class Draft:
    """A model in the making: VALUES holds every tensor at one choice of sizes, at which it is valid."""

    random: Random
    sizes: dict[str, int]
    inputs: dict[str, tuple[int | str | None, ...]] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    nodes: list[NodeProto] = field(default_factory=list)
    values: dict[str, Array] = field(default_factory=dict)
    floats: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers = np.random.default_rng(self.random.randrange(1 << 30))

    # ------------------------------------------------------------ parts

    def input(self, *dims: int | str | None) -> str:
        """A float input; a dimension without a name is of a size of its own."""
        name = f"x{len(self.inputs)}"
        shape = [d if isinstance(d, int) else self.sizes[d] if d else self.random.randint(1, 4) for d in dims]
        self.inputs[name] = dims
        self.values[name] = self.numbers.standard_normal(shape, dtype=np.float32)
        self.floats.append(name)
        return name

    def const(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = self.values[name] = np.asarray(array)
        return name

    def ints(self, *values: int) -> str:
        return self.const(np.array(values, np.int64))

    def weights(self, *shape: int) -> str:
        scale = max(1, int(np.prod(shape[1:]))) ** -0.5
        return self.const((self.numbers.standard_normal(shape) * scale).astype(np.float32))

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """The first output of a new node; Unfit where ONNX Runtime refuses it."""
        return self.add_all(op, *inputs, outputs=outputs, **attributes)[0]

    def add_all(self, op: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        names = [f"t{len(self.nodes)}_{place}" for place in range(outputs)]
        node = helper.make_node(op, inputs, names, f"{op}{len(self.nodes)}", **attributes)
        try:
            found = dict(zip(names, run_node(node, self.values, OPSET, IR_VERSION), strict=True))
        except Exception as error:  # of ONNX Runtime, which has no class for them
            raise Unfit(str(error)) from None
        if any(array.size > MOST_ELEMENTS or 0 in array.shape for array in found.values()):
            raise Unfit("too many elements, or none")
        self.nodes.append(node)
        self.values.update(found)
        self.floats += [name for name in names if found[name].dtype == np.float32]
        return names

    # ------------------------------------------------------------ choices

    def pick(self, rank: int | None = None, least: int = 0) -> str:
        """A float tensor of RANK, or of at least LEAST dimensions; late ones more often."""
        fitting = [x for x in self.floats if self.rank(x) == (rank or self.rank(x)) and self.rank(x) >= least]
        if not fitting:
            raise Unfit(f"nothing of rank {rank or least}")
        return fitting[-1] if self.random.random() < 0.6 else self.random.choice(fitting)

    def shape(self, x: str) -> tuple[int, ...]:
        return tuple(self.values[x].shape)

    def rank(self, x: str) -> int:
        return self.values[x].ndim

    def axis(self, x: str) -> int:
        if not self.rank(x):
            raise Unfit("a scalar")
        return self.random.randrange(self.rank(x))

    def choice(self, *options: Any) -> Any:
        return self.random.choice(options)

    # ------------------------------------------------------------ sizes as data

    def size_of(self, x: str, axis: int) -> str:
        """The size of X along AXIS, as a vector of one number."""
        return self.add("Gather", self.add("Shape", x), self.ints(axis), axis=0)

    def any_size(self) -> str:
        """Some number computed from sizes."""
        x = self.pick(least=1)
        size = self.size_of(x, self.axis(x))
        for _ in range(self.random.randint(0, 2)):
            size = self._computed(size)
        return size

    def _computed(self, size: str) -> str:
        other = self.pick(least=1)
        match self.choice("add", "sub", "mul", "div", "floor", "least", "most", "less"):
            case "add":
                return self.add("Add", size, self.ints(self.choice(1, 2, -1)))
            case "sub":
                return self.add("Sub", size, self.size_of(other, self.axis(other)))
            case "mul":
                return self.add("Mul", size, self.ints(self.choice(2, 3)))
            case "div":
                return self.add("Div", size, self.ints(self.choice(2, 3)))
            case "least":
                return self.add("Min", size, self.ints(self.choice(2, 3)))
            case "most":
                return self.add("Max", size, self.size_of(other, self.axis(other)))
            case "less":
                return self.add("Sub", size, self.ints(self.choice(1, 2)))
        factor = self.const(np.array([self.choice(0.5, 0.25, 1.5)], np.float32))
        scaled = self.add(self.choice("Floor", "Ceil"), self.add("Mul", self.add("Cast", size, to=1), factor))
        return self.add("Cast", scaled, to=7)

    # ------------------------------------------------------------ the end

    def model(self) -> ModelProto:
        """The model; what nothing reads is an output."""
        read = {name for node in self.nodes for name in node.input}
        made = [name for name in self.floats if name not in self.inputs]
        outputs = [name for name in made if name not in read][-3:] or made[-1:]
        used = {name: shape for name, shape in self.inputs.items() if name in read}
        kept = [
            numpy_helper.from_array(array, name) for name, array in self.constants.items() if name in read
        ]
        graph = helper.make_graph(
            self.nodes,
            "sizes",
            [helper.make_tensor_value_info(name, 1, shape) for name, shape in used.items()],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            kept,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


Step = Callable[[Draft], str]  # adds nodes to a draft, and gives the name of the result
