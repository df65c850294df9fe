"""Random ONNX models with several symbolic sizes and arithmetic on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ..models import node_model, run_onnxruntime

Array = np.ndarray[Any, Any]
OPSET, IR_VERSION = 18, 9
NAMES = ("N", "H", "W", "T", "P", "K")
MOST_ELEMENTS = 3000
ATTEMPTS = 6  # at a step that fits


class Unfit(Exception):
    """A step that cannot be taken, even at the model's own sizes."""


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
        shape = [
            d if isinstance(d, int) else self.sizes[d] if d else self.random.randint(1, 4) for d in dims
        ]
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
        feeds = {name: self.values[name] for name in dict.fromkeys(inputs) if name}
        runtime = {name: array for name, array in feeds.items() if name not in self.constants}
        fixed = {name: array for name, array in feeds.items() if name in self.constants}
        try:
            found = run_onnxruntime(node_model(node, runtime, fixed, OPSET), runtime)
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
        scaled = self.add(
            self.choice("Floor", "Ceil"), self.add("Mul", self.add("Cast", size, to=1), factor)
        )
        return self.add("Cast", scaled, to=7)

    # ------------------------------------------------------------ the end

    def model(self) -> ModelProto:
        """The model; what nothing reads is an output."""
        read = {name for node in self.nodes for name in node.input}
        made = [name for name in self.floats if name not in self.inputs]
        outputs = [name for name in made if name not in read][-3:] or made[-1:]
        used = {name: shape for name, shape in self.inputs.items() if name in read}
        kept = [numpy_helper.from_array(array, name) for name, array in self.constants.items() if name in read]
        graph = helper.make_graph(
            self.nodes,
            "sizes",
            [helper.make_tensor_value_info(name, 1, shape) for name, shape in used.items()],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            kept,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


# ---------------------------------------------------------------- windows


def _window(d: Draft, x: str, most: int = 3) -> dict[str, Any]:
    rank = d.rank(x) - 2
    found: dict[str, Any] = {
        "kernel_shape": [d.random.randint(1, most) for _ in range(rank)],
        "strides": [d.choice(1, 1, 2, 3)] * rank,
    }
    match d.choice("", "pads", "pads", "upper", "lower", "valid"):
        case "pads":
            found["pads"] = [d.random.randint(0, size // 2) for size in found["kernel_shape"]] * 2
        case "upper":
            found["auto_pad"] = "SAME_UPPER"
        case "lower":
            found["auto_pad"] = "SAME_LOWER"
        case "valid":
            found["auto_pad"] = "VALID"
    return found


def _image(d: Draft) -> str:
    return d.pick(rank=d.choice(4, 4, 4, 3))


def conv(d: Draft) -> str:
    x = _image(d)
    window = _window(d, x)
    if d.random.random() < 0.2:
        window["dilations"] = [2] * (d.rank(x) - 2)
    return d.add("Conv", x, d.weights(d.choice(2, 4), d.shape(x)[1], *window["kernel_shape"]), **window)


def conv_transpose(d: Draft) -> str:
    x = _image(d)
    window = _window(d, x)
    if window["strides"][0] > 1 and d.random.random() < 0.3:
        window["output_padding"] = [1] * (d.rank(x) - 2)
    return d.add("ConvTranspose", x, d.weights(d.shape(x)[1], 2, *window["kernel_shape"]), **window)


def pool(d: Draft) -> str:
    x = _image(d)
    window = _window(d, x)
    if "auto_pad" not in window and d.random.random() < 0.3:
        window["ceil_mode"] = 1
    op = d.choice("MaxPool", "AveragePool")
    if op == "AveragePool" and d.random.random() < 0.3:
        window["count_include_pad"] = 1
    return d.add(op, x, **window)


def global_pool(d: Draft) -> str:
    return d.add(d.choice("GlobalAveragePool", "GlobalMaxPool"), _image(d))


_LINEAR = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
_NEAREST = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def resize(d: Draft) -> str:
    x = d.pick(rank=4)
    mode = d.choice(_LINEAR, _NEAREST)
    if d.random.random() < 0.5:
        scale = d.choice(2.0, 2.0, 0.5, 1.5)
        return d.add("Resize", x, "", d.const(np.array([1, 1, scale, scale], np.float32)), **mode)
    other = d.pick(rank=4)
    begin, two, end = d.ints(0), d.ints(2), d.ints(4)
    head = d.add("Slice", d.add("Shape", x), begin, two)
    tail = d.add("Slice", d.add("Shape", other), two, end)
    return d.add("Resize", x, "", "", d.add("Concat", head, tail, axis=0), **mode)


def skip(d: Draft) -> str:
    """A UNet's step up: the deeper image doubled, joined with the one before."""
    x, other = d.pick(rank=4), d.pick(rank=4)
    up = d.add("Resize", x, "", d.const(np.array([1, 1, 2, 2], np.float32)), **_NEAREST)
    return d.add("Concat", up, other, axis=1)


def blocks(d: Draft) -> str:
    return d.add(d.choice("SpaceToDepth", "DepthToSpace"), d.pick(rank=4), blocksize=2)


def windows(d: Draft) -> str:
    """A Swin transformer's partition into windows, with all sizes from Shape."""
    x = d.pick(rank=4)
    side = d.choice(2, 2, 3)
    size = d.ints(side)
    n, c, h, w = (d.size_of(x, axis) for axis in range(4))
    rows, columns = d.add("Div", h, size), d.add("Div", w, size)
    parts = d.add("Reshape", x, d.add("Concat", n, c, rows, size, columns, size, axis=0))
    moved = d.add("Transpose", parts, perm=[0, 2, 4, 3, 5, 1])
    return d.add("Reshape", moved, d.add("Concat", d.ints(-1, side * side), c, axis=0))


# ---------------------------------------------------------------- shapes


def transpose(d: Draft) -> str:
    x = d.pick(least=2)
    perm = list(range(d.rank(x)))
    d.random.shuffle(perm)
    return d.add("Transpose", x, perm=perm)


def merge(d: Draft) -> str:
    x = d.pick(least=2)
    at = d.random.randrange(d.rank(x) - 1)
    return d.add("Reshape", x, d.ints(*[0] * at, -1, *d.shape(x)[at + 2 :]))


def rest(d: Draft) -> str:
    """A reshape to a number and what is left."""
    x = d.pick(least=1)
    divisors = [n for n in (1, 2, 3, 4, 6, 8) if d.values[x].size % n == 0]
    shape = [d.random.choice(divisors), -1]
    d.random.shuffle(shape)
    return d.add("Reshape", x, d.ints(*shape))


def computed_reshape(d: Draft) -> str:
    """A reshape that cuts an axis in parts, or joins two, by arithmetic on Shape."""
    x = d.pick(least=2)
    at = d.random.randrange(d.rank(x) - 1)
    sizes = [d.size_of(x, axis) for axis in range(d.rank(x))]
    if d.random.random() < 0.5:
        part = d.choice(2, 3)
        split = [d.add("Div", sizes[at], d.ints(part)), d.ints(part)]
        split = split if d.random.random() < 0.5 else split[::-1]
        return d.add("Reshape", x, d.add("Concat", *sizes[:at], *split, *sizes[at + 1 :], axis=0))
    joined = d.add("Mul", sizes[at], sizes[at + 1])
    kept = d.add("Concat", *sizes[:at], joined, *sizes[at + 2 :], axis=0)
    return d.add("Reshape", x, kept)


def reshape_like(d: Draft) -> str:
    return d.add("Reshape", d.pick(least=1), d.add("Shape", d.pick(least=1)))


def flatten(d: Draft) -> str:
    x = d.pick(least=1)
    return d.add("Flatten", x, axis=d.random.randint(0, d.rank(x)))


def squeeze(d: Draft) -> str:
    x = d.pick(least=1)
    ones = [axis for axis, size in enumerate(d.shape(x)) if size == 1]
    if not ones:
        raise Unfit("no axis of size 1")
    return d.add("Squeeze", x, d.ints(d.random.choice(ones)))


def unsqueeze(d: Draft) -> str:
    x = d.pick()
    if d.rank(x) > 4:
        raise Unfit("too many dimensions")
    return d.add("Unsqueeze", x, d.ints(d.random.randint(0, d.rank(x))))


# ---------------------------------------------------------------- movement


def slice_(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    step = d.choice(1, 1, 1, 2, -1, -2)
    start = d.any_size() if d.random.random() < 0.4 else d.ints(d.choice(0, 1, 2, -1, -2, -3))
    end = d.any_size() if d.random.random() < 0.5 else d.ints(d.choice(1, 2, 3, -1, -2, 1 << 40, -(1 << 40)))
    if d.random.random() < 0.4:
        start = d.ints(0 if step > 0 else -1)
    return d.add("Slice", x, start, end, d.ints(axis), d.ints(step))


def crop(d: Draft) -> str:
    """An image cut to the sizes of another."""
    x, other = d.pick(rank=4), d.pick(rank=4)
    ends = d.add("Slice", d.add("Shape", other), d.ints(2), d.ints(4))
    return d.add("Slice", x, d.ints(0, 0), ends, d.ints(2, 3))


def split(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    match d.choice("parts", "count", "rest", "sizes"):
        case "count":
            return d.add("Split", x, axis=axis, num_outputs=2, outputs=2)
        case "parts":
            half = d.shape(x)[axis] // 2
            return d.add("Split", x, d.ints(half, d.shape(x)[axis] - half), axis=axis, outputs=2)
        case "rest":
            sizes = d.add("Sub", d.size_of(x, axis), d.ints(1))
            return d.add("Split", x, d.add("Concat", sizes, d.ints(1), axis=0), axis=axis, outputs=2)
    first = d.any_size()
    second = d.add("Sub", d.size_of(x, axis), first)
    return d.add("Split", x, d.add("Concat", first, second, axis=0), axis=axis, outputs=2)


def concat(d: Draft) -> str:
    x = d.pick(least=1)
    others = [y for y in d.floats if d.rank(y) == d.rank(x)]
    return d.add("Concat", x, d.random.choice(others), axis=d.axis(x))


def pad(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    mode = d.choice("constant", "constant", "reflect", "edge")
    if mode == "constant" and d.random.random() < 0.5:
        pads = d.add("Concat", d.ints(d.choice(0, 1)), d.any_size(), axis=0)
    else:
        pads = d.ints(d.choice(0, 1, 2), d.choice(0, 1, 2, -1))
    return d.add("Pad", x, pads, "", d.ints(axis), mode=mode)


def gather(d: Draft) -> str:
    x = d.pick(least=1)
    axis = d.axis(x)
    size = d.shape(x)[axis]
    picks = [d.random.randint(-size, size - 1) for _ in range(d.random.randint(1, 3))]
    return d.add("Gather", x, d.ints(*picks), axis=axis)


def gather_range(d: Draft) -> str:
    """The first elements of an axis, picked by Range up to a computed size."""
    x = d.pick(least=1)
    end = d.add("Squeeze", d.any_size(), d.ints(0))
    picks = d.add("Range", d.const(np.int64(0)), end, d.const(np.int64(1)))
    return d.add("Gather", x, picks, axis=d.axis(x))


def expand(d: Draft) -> str:
    x, other = d.pick(), d.pick(least=1)
    if d.random.random() < 0.5:
        return d.add("Expand", x, d.add("Shape", other))
    return d.add("Expand", x, d.add("Concat", d.any_size(), d.add("Shape", x), axis=0))


def tile(d: Draft) -> str:
    x = d.pick(least=1)
    return d.add("Tile", x, d.ints(*[d.choice(1, 1, 2) for _ in range(d.rank(x))]))


# ---------------------------------------------------------------- arithmetic


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
        k, v = (d.add("Concat", past, t, axis=2) for past, t in zip((pasts[0], pasts[-1]), (k, v), strict=True))
    scores = d.add("MatMul", q, d.add("Transpose", k, perm=[0, 1, 3, 2]))
    if d.random.random() < 0.5:
        scores = d.add("Add", scores, d.random.choice(d.floats))
    mixed = d.add("MatMul", d.add("Softmax", scores, axis=-1), v)
    return d.add("Reshape", d.add("Transpose", mixed, perm=[0, 2, 1, 3]), heads[1])


Step = Callable[[Draft], str]
STEPS: tuple[Step, ...] = (
    conv, conv, conv_transpose, pool, pool, global_pool, resize, skip, blocks, windows,
    transpose, merge, rest, computed_reshape, computed_reshape, reshape_like, flatten, squeeze, unsqueeze,
    slice_, slice_, slice_, crop, split, split, concat, concat, pad, pad, gather, gather_range, expand, tile,
    unary, binary, binary, where, by_size, filled, reduce, softmax, layer_norm, linear, matmul, attention,
)  # fmt: skip


def _dims(random: Random, kinds: Sequence[int | str], known: list[str]) -> tuple[int | str | None, ...]:
    """Sizes by KINDS: a number, or a letter that stands for a symbol, a known one or a new one."""
    found: list[int | str | None] = []
    for kind in kinds:
        if isinstance(kind, int):
            found.append(kind)
        elif random.random() < 0.12:
            found.append(random.choice([None, 1, 2, 4]))
        elif random.random() < 0.3 and known:
            found.append(random.choice(known))
        else:
            found.append(kind)
    known += [name for name in found if isinstance(name, str) and name not in known]
    return tuple(found)


LAYOUTS: tuple[tuple[tuple[int | str, ...], ...], ...] = (
    (("N", 2, "H", "W"),),
    ((1, 4, "H", "W"),),
    (("N", 3, "H", "W"), ("N", 3, "H", "W")),
    (("N", 2, "H", "W"), ("N", 2, "T", "P")),
    (("N", "T", 4),),
    (("N", "T", 4), ("N", 2, "P", 2), ("N", 2, "P", 2)),
    (("N", "T", 4), ("P", "K", 4)),
    (("N", "T"), ("K",)),
    (("N", 2, "T"),),
    (("T", "N"), ("N", "K")),
)


def random_model(seed: int) -> tuple[ModelProto, dict[str, int]]:
    """A model of 3 to 8 steps, and sizes of its named dimensions at which it is valid."""
    random = Random(seed)
    draft = Draft(random, {name: random.randint(1, 5) for name in NAMES})
    known: list[str] = []
    for kinds in random.choice(LAYOUTS):
        draft.input(*_dims(random, kinds, known))
    steps = random.randint(2, 6)
    while steps:
        if _step(draft):
            steps -= 1
    return draft.model(), draft.sizes


def _step(draft: Draft) -> bool:
    before = len(draft.nodes), len(draft.floats), dict(draft.values)
    try:
        draft.random.choice(STEPS)(draft)
    except Unfit:
        del draft.nodes[before[0] :], draft.floats[before[1] :]
        draft.values = before[2]
        return False
    return True
