"""Small ONNX models that spell out attention, norms and activations the way exporters do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.module import Module
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]


class Onnx:
    """Builds an ONNX graph node by node; names of results are made up."""

    def __init__(self, opset: int = 17) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.stored: list[Any] = []
        self.inputs: list[Any] = []
        self.random = np.random.default_rng(3)

    def input(self, *shape: int | str, dtype: int = TensorProto.FLOAT) -> str:
        name = f"in{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def const(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(values, np.int64)

    def weights(self, *shape: int) -> str:
        return self.const(self.random.standard_normal(shape) * 0.5)

    def __call__(self, op: str, *operands: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        node = helper.make_node(op, operands, [name], name=f"{op.lower()}{len(self.nodes)}", **attributes)
        self.nodes.append(node)
        return name

    def mean(self, x: str, axes: Sequence[int]) -> str:
        if self.opset >= 18:
            return self("ReduceMean", x, self.ints(*axes))
        return self("ReduceMean", x, axes=axes)

    def done(self, *results: str) -> bytes:
        outputs = [helper.make_empty_tensor_value_info(name) for name in results]
        graph = helper.make_graph(self.nodes, "spelling", self.inputs, outputs, self.stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        return bytes(model.SerializeToString())

    def module(self, *results: str) -> Module:
        return import_model(self.done(*results))


Spelling = Callable[[Onnx], str]

# ---------------------------------------------------------------- activations


def gelu_erf(inner: str, outer: str) -> Spelling:
    """x * 0.5 * (1 + erf(x / sqrt 2)): INNER says how the argument is scaled, OUTER the order outside."""

    def make(g: Onnx) -> str:
        x = g.input(2, 3, 8)
        half, one = g.const(0.5), g.const(1.0)
        if inner == "div":
            argument = g("Div", x, g.const(2**0.5))
        else:
            argument = g("Mul", g.const(0.5**0.5), x)
        total = g("Add", g("Erf", argument), one) if outer != "left" else g("Add", one, g("Erf", argument))
        match outer:
            case "product first":
                return g("Mul", g("Mul", x, total), half)
            case "half first":
                return g("Mul", g("Mul", x, half), total)
            case "half of sum":
                return g("Mul", x, g("Mul", half, total))
            case "quotient":
                return g("Mul", g("Div", x, g.const(2.0)), total)
        return g("Mul", g("Mul", half, x), total)

    return make


def gelu_tanh(cube: str, outer: str) -> Spelling:
    """0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))), with x^3 and the order as told."""

    def make(g: Onnx) -> str:
        x = g("Add", g.input(2, 3, 8), g.weights(8))
        root, cubic, one = g.const((2 / np.pi) ** 0.5), g.const(0.044715), g.const(1.0)
        if cube == "factored":
            square = g("Mul", cubic, g("Mul", x, x))
            argument = g("Mul", g("Mul", x, root), g("Add", one, square))
        else:
            third = g("Pow", x, g.const(3.0)) if cube == "pow" else g("Mul", x, g("Mul", x, x))
            argument = g("Mul", root, g("Add", x, g("Mul", cubic, third)))
        total = g("Add", one, g("Tanh", argument))
        if outer == "half last":
            return g("Mul", g("Mul", x, total), g.const(0.5))
        return g("Mul", g("Mul", g.const(0.5), x), total)

    return make


def silu(form: str) -> Spelling:
    def make(g: Onnx) -> str:
        x = g.input(2, 3, 8)
        match form:
            case "scaled":
                return g("Mul", x, g("Sigmoid", g("Mul", x, g.const(1.702))))
            case "exp":
                return g("Div", x, g("Add", g.const(1.0), g("Exp", g("Neg", x))))
            case "gate first":
                return g("Mul", g("Sigmoid", x), x)
        return g("Mul", x, g("Sigmoid", x))

    return make


def hard_swish(form: str) -> Spelling:
    def make(g: Onnx) -> str:
        x = g.input(2, 3, 8)
        if form == "hard sigmoid":
            return g("Mul", x, g("HardSigmoid", x, alpha=1 / 6, beta=0.5))
        gate = g("Clip", g("Add", x, g.const(3.0)), g.const(0.0), g.const(6.0))
        if form == "clip last":
            return g("Div", g("Mul", x, gate), g.const(6.0))
        return g("Mul", x, g("Div", gate, g.const(6.0)))

    return make


# ---------------------------------------------------------------- rows


def softmax(form: str) -> Spelling:
    def make(g: Onnx) -> str:
        x = g.input(2, 3, 8)
        if form != "plain":
            x = g("Sub", x, g("ReduceMax", x, axes=[-1]))
        power = g("Exp", x)
        total = g("ReduceSum", power, g.ints(-1))
        if form == "reciprocal":
            return g("Mul", power, g("Reciprocal", total))
        return g("Div", power, total)

    return make


def layer_norm(form: str, opset: int = 16) -> Spelling:
    """PyTorch before opset 17 ("pow", "mul"), with two subtractions ("twice"), TensorFlow ("moments")."""

    def make(g: Onnx) -> str:
        g.opset = opset
        x = g.input(2, 5, 8)
        scale, bias = g.weights(8), g.weights(8)
        mean = g.mean(x, [-1])
        centred = g("Sub", x, mean)
        again = g("Sub", x, mean) if form in ("twice", "moments") else centred
        square = g("Pow", again, g.const(2.0)) if form in ("pow", "twice") else g("Mul", again, again)
        total = g("Add", g.mean(square, [-1]), g.const(1e-5))
        if form == "moments":
            factor = g("Mul", g("Reciprocal", g("Sqrt", total)), scale)
            return g("Add", g("Mul", x, factor), g("Sub", bias, g("Mul", mean, factor)))
        if form == "power":
            normal = g("Mul", centred, g("Pow", total, g.const(-0.5)))
        elif form == "reciprocal":
            normal = g("Mul", centred, g("Reciprocal", g("Sqrt", total)))
        elif form == "inverse":
            normal = g("Mul", g("Div", g.const(1.0), g("Sqrt", total)), centred)
        else:
            normal = g("Div", centred, g("Sqrt", total))
        return g("Add", g("Mul", scale, normal), bias)

    return make


def rms_norm(form: str) -> Spelling:
    def make(g: Onnx) -> str:
        x = g.input(2, 5, 8)
        square = g("Pow", x, g.const(2.0)) if form == "pow" else g("Mul", x, x)
        root = g("Sqrt", g("Add", g.mean(square, [-1]), g.const(1e-6)))
        if form == "inverse":
            normal = g("Mul", x, g("Div", g.const(1.0), root))
        elif form == "pow":
            normal = g("Mul", x, g("Reciprocal", root))
        else:
            normal = g("Div", x, root)
        return g("Mul", g.weights(8), normal)

    return make


# ---------------------------------------------------------------- attention


def heads(g: Onnx, x: str, tokens: int, perm: Sequence[int] = (0, 2, 1, 3)) -> str:
    """[2, TOKENS, 3 * 8] as heads, in the order PERM."""
    return g("Transpose", g("Reshape", x, g.ints(2, tokens, 3, 8)), perm=list(perm))


def attention(scale: str, mask: str = "none", guard: str = "none", opset: int = 17) -> Spelling:
    """Attention of 3 heads of 8 features over 6 tokens, spelled as PyTorch's exporters do."""

    def make(g: Onnx) -> str:
        g.opset = opset
        rows = [g("Add", g("MatMul", g.input(2, 6, 24), g.weights(24, 24)), g.weights(24)) for _ in range(3)]
        q, v = heads(g, rows[0], 6), heads(g, rows[2], 6)
        turned = scale in ("both", "query")
        k = heads(g, rows[1], 6) if turned else heads(g, rows[1], 6, (0, 2, 3, 1))
        scores = _scores(g, scale, q, k)
        scores = _masked(g, mask, scores)
        weights = g("Softmax", scores, axis=-1)
        weights = _guarded(g, guard, weights, scores)
        y = g("Transpose", g("MatMul", weights, v), perm=[0, 2, 1, 3])
        return g("Reshape", y, g.ints(2, 6, 24))

    return make


def _scores(g: Onnx, scale: str, q: str, k: str) -> str:
    match scale:
        case "divided":
            return g("Div", g("MatMul", q, k), g.const(8**0.5))
        case "multiplied":
            return g("Mul", g("MatMul", q, k), g.const(8**-0.5))
        case "both":
            half = g.const(8**-0.25)
            turned = g("Transpose", g("Mul", k, half), perm=[0, 1, 3, 2])
            return g("MatMul", g("Mul", q, half), turned)
        case "query":
            turned = g("Transpose", k, perm=[0, 1, 3, 2])
            return g("MatMul", g("Div", q, g.const(8**0.5)), turned)
    return g("MatMul", q, k)


def _masked(g: Onnx, mask: str, scores: str) -> str:
    match mask:
        case "padding":  # BERT: (1 - mask) times a large negative number
            kept = g("Unsqueeze", g.input(2, 6), g.ints(1, 2))
            return g("Add", scores, g("Mul", g("Sub", g.const(1.0), kept), g.const(-1e4)))
        case "bias":
            return g("Add", g.weights(1, 3, 6, 6), scores)
        case "two":
            return g("Add", g("Add", scores, g.weights(3, 6, 6)), g.input(2, 1, 1, 6))
        case "selected":
            kept = g.const(np.tri(6)[None, None], bool)
            return g("Where", kept, scores, g.const(-1e9))
        case "selected out":
            return g("Where", g.const(1 - np.tri(6)[None, None], bool), g.const(-np.inf), scores)
        case "boolean":  # scaled_dot_product_attention with a boolean mask
            kept = g("Cast", g.input(2, 1, 6, 6), to=TensorProto.BOOL)
            return g("Add", scores, g("Where", kept, g.const(0.0), g.const(-np.inf)))
        case "key padding":  # nn.MultiheadAttention: true for keys that are left out
            out = g("Cast", g.input(2, 1, 1, 6), to=TensorProto.BOOL)
            return g("Add", scores, g("Where", out, g.const(-np.inf), g.const(0.0)))
        case "triangle":  # nn.Transformer.generate_square_subsequent_mask
            full = g("Expand", g.const(-np.inf), g.ints(6, 6))
            return g("Add", scores, g("Trilu", full, g.const(1, np.int64), upper=1))
        case "positions":
            places = g("Range", g.const(0, np.int64), g.const(6, np.int64), g.const(1, np.int64))
            later = g("Greater", places, g("Unsqueeze", places, g.ints(1)))
            return g("Where", later, g.const(np.finfo(np.float32).min), scores)
        case "selected and added":
            kept = g("Cast", g.input(2, 1, 6, 6), to=TensorProto.BOOL)
            lowest = g.const(np.finfo(np.float32).min)
            return g("Add", g("Where", kept, scores, lowest), g.input(2, 1, 1, 6))
        case "windows":  # Swin: a bias for each head, and a mask for each of two windows
            split = g("Reshape", g("Add", scores, g.weights(1, 3, 6, 6)), g.ints(1, 2, 3, 6, 6))
            return g("Reshape", g("Add", split, g.weights(1, 2, 1, 6, 6)), g.ints(-1, 3, 6, 6))
    return scores


def _guarded(g: Onnx, guard: str, weights: str, scores: str) -> str:
    match guard:
        case "nan":
            return g("Where", g("IsNaN", weights), g.const(0.0), weights)
        case "rows":  # torch.ops.aten._safe_softmax
            out = g("Not", g("Equal", scores, g.const(-np.inf)))
            numbers = g("ReduceMax", g("Cast", out, to=TensorProto.INT32), axes=[-1])
            some = g("Cast", numbers, to=TensorProto.BOOL)
            return g("Where", g("Not", some), g.const(0.0), weights)
    return weights


ACTIVATIONS: dict[str, tuple[Spelling, dict[str, int]]] = {
    **{
        f"gelu erf, {inner}, {outer}": (gelu_erf(inner, outer), {"gelu": 1})
        for inner in ("div", "mul")
        for outer in ("product first", "half first", "half of sum", "quotient", "left")
    },
    **{
        f"gelu tanh, {cube}, {outer}": (gelu_tanh(cube, outer), {"gelu": 1, "add": 1})
        for cube in ("pow", "products", "factored")
        for outer in ("half first", "half last")
    },
    **{f"silu, {form}": (silu(form), {"swish": 1}) for form in ("plain", "gate first", "scaled", "exp")},
    **{
        f"hard swish, {form}": (hard_swish(form), {"hard_swish": 1})
        for form in ("hard sigmoid", "clip last", "clip first")
    },
}
ROWS: dict[str, tuple[Spelling, dict[str, int]]] = {
    **{f"softmax, {form}": (softmax(form), {"softmax": 1}) for form in ("plain", "shifted", "reciprocal")},
    **{
        f"layer norm, {form}": (layer_norm(form), {"layer_norm": 1})
        for form in ("pow", "mul", "twice", "moments", "power", "reciprocal", "inverse")
    },
    "layer norm, opset 18": (layer_norm("pow", 18), {"layer_norm": 1}),
    **{f"rms norm, {form}": (rms_norm(form), {"rms_norm": 1}) for form in ("pow", "mul", "inverse")},
}
ATTENTIONS: dict[str, Spelling] = {
    "scores divided": attention("divided"),
    "scores multiplied": attention("multiplied"),
    "half the scale on each side": attention("both"),
    "queries divided": attention("query"),
    "no scale": attention("none"),
    "padding mask": attention("divided", "padding"),
    "added bias": attention("both", "bias"),
    "bias and mask": attention("multiplied", "two"),
    "selected by a mask": attention("divided", "selected"),
    "masked out": attention("query", "selected out"),
    "boolean mask": attention("both", "boolean"),
    "keys left out": attention("both", "key padding"),
    "causal, by a triangle": attention("both", "triangle"),
    "causal, by positions": attention("divided", "positions"),
    "selected, then added": attention("divided", "selected and added"),
    "windows": attention("query", "windows"),
    "boolean mask, guarded against nan": attention("both", "boolean", "nan"),
    "boolean mask, guarded by rows": attention("both", "boolean", "rows"),
}
