"""Decoders as onnxruntime-genai writes them, against ONNX Runtime: prompts and tokens of one plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from glassrt import compile, load
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..models import run_onnxruntime

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
LAYERS, WIDTH, HEADS, FEW, DEPTH, HIDDEN, WORDS, BLOCK = 2, 64, 4, 2, 16, 96, 48, 32
OWN = "com.microsoft"
Array = np.ndarray[Any, Any]


@dataclass
class GenaiModel:
    """The nodes of a decoder with weights of `bits`; the attributes `attention` of its attention; `sinks`:
    with scores that join those of the keys."""

    bits: int = 4
    attention: dict[str, Any] = field(default_factory=dict)
    sinks: bool = False
    nodes: list[NodeProto] = field(default_factory=list)
    stored: dict[str, Array] = field(default_factory=dict)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def op(
        self, kind: str, *operands: str, results: tuple[str, ...] = (), domain: str = "", **own: Any
    ) -> str:
        names = results or (f"{kind}_{len(self.nodes)}",)
        made = helper.make_node(kind, operands, names, f"{kind}_{len(self.nodes)}", domain=domain, **own)
        self.nodes.append(made)
        return names[0]

    def const(self, name: str, array: Any) -> str:
        self.stored[name] = np.asarray(array)
        return name

    def floats(self, name: str, *shape: int) -> str:
        return self.const(name, self.random.uniform(0.5, 1.5, shape).astype(np.float32))

    def linear(self, x: str, name: str, rows: int, columns: int, results: tuple[str, ...] = ()) -> str:
        blocks = rows // BLOCK
        packed = self.random.integers(0, 256, (columns, blocks, BLOCK * self.bits // 8)).astype(np.uint8)
        scales = self.random.uniform(0.5, 1.5, columns * blocks) * (rows**-0.5 / (1 << (self.bits - 2)))
        operands = self.const(f"{name}.w", packed), self.const(f"{name}.s", scales.astype(np.float32))
        sizes = {"K": rows, "N": columns, "bits": self.bits, "block_size": BLOCK, "accuracy_level": 0}
        return self.op("MatMulNBits", x, *operands, results=results, domain=OWN, **sizes)

    def skipped(self, x: str, more: str, name: str, last: bool = False) -> tuple[str, str]:
        """The norm of a sum, and the sum."""
        results = (f"{name}.norm",) if last else (f"{name}.norm", "", "", f"{name}.sum")
        scale = self.floats(name, WIDTH)
        kind = "SkipSimplifiedLayerNormalization"
        self.op(kind, x, more, scale, results=results, domain=OWN, epsilon=1e-5)
        return f"{name}.norm", f"{name}.sum"

    def model(self) -> ModelProto:
        one, first = self.const("one", np.array([1], np.int64)), self.const("first", np.array(1, np.int64))
        summed = self.op("ReduceSum", "attention_mask", one, keepdims=0)
        lengths = self.op("Cast", self.op("Sub", summed, one), to=TensorProto.INT32)
        whole = self.op("Gather", self.op("Shape", "attention_mask"), first, axis=0)
        total = self.op("Cast", whole, to=TensorProto.INT32)
        angles = np.outer(np.arange(64), 10000.0 ** (-np.arange(DEPTH // 2) / (DEPTH // 2)))
        tables = [self.const(f.__name__, f(angles).astype(np.float32)) for f in (np.cos, np.sin)]
        embedding = self.const("embedding", self.random.standard_normal((WORDS, WIDTH)).astype(np.float32))
        x = self.op("Gather", embedding, "input_ids", axis=0)
        scale = self.floats("first_norm", WIDTH)
        h = self.op("SimplifiedLayerNormalization", x, scale, axis=-1, epsilon=1e-5, stash_type=1)
        for layer in range(LAYERS):
            packed = self.linear(h, f"{layer}.qkv", WIDTH, (HEADS + 2 * FEW) * DEPTH)
            past = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
            present = tuple(f"present.{layer}.{part}" for part in ("key", "value"))
            sink = ["", "", self.floats(f"{layer}.sinks", HEADS)] if self.sinks else []
            operands = packed, "", "", *past, lengths, total, *tables, *sink
            counts = {"num_heads": HEADS, "kv_num_heads": FEW, "do_rotary": 1, "scale": DEPTH**-0.5}
            kind, results = "GroupQueryAttention", (f"{layer}.attended", *present)
            y = self.op(kind, *operands, results=results, domain=OWN, **counts | self.attention)
            y = self.linear(y, f"{layer}.o", HEADS * DEPTH, WIDTH)
            h, x = self.skipped(x, y, f"{layer}.after")
            gate, up = (self.linear(h, f"{layer}.{name}", WIDTH, HIDDEN) for name in ("gate", "up"))
            gated = self.op("Mul", self.op("Mul", gate, self.op("Sigmoid", gate)), up)
            y = self.linear(gated, f"{layer}.down", HIDDEN, WIDTH)
            h, x = self.skipped(x, y, f"{layer + 1}.before", layer + 1 == LAYERS)
        self.linear(h, "head", WIDTH, WORDS, ("logits",))
        return self._made()

    def _made(self) -> ModelProto:
        value, ints, floats = helper.make_tensor_value_info, TensorProto.INT64, TensorProto.FLOAT
        inputs = [value("input_ids", ints, ["batch", "tokens"])]
        inputs += [value("attention_mask", ints, ["batch", "total"])]
        outputs = [value("logits", floats, ["batch", "tokens", WORDS])]
        for layer in range(LAYERS):
            for part in ("key", "value"):
                before, after = (["batch", FEW, size, DEPTH] for size in ("past", "total"))
                inputs.append(value(f"past_key_values.{layer}.{part}", floats, before))
                outputs.append(value(f"present.{layer}.{part}", floats, after))
        stored = [numpy_helper.from_array(array, name) for name, array in self.stored.items()]
        graph = helper.make_graph(self.nodes, "genai", inputs, outputs, stored)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(OWN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "made",
    [
        GenaiModel(),
        GenaiModel(bits=2, attention={"local_window_size": 3, "softcap": 5.0}),
        GenaiModel(bits=8, sinks=True),
    ],
    ids=["llama", "softcap in a window, 2 bits", "sinks, 8 bits"],
)
def test_prompts_and_tokens_are_those_of_onnxruntime(made: GenaiModel, device: str) -> None:
    model, random = made.model(), np.random.default_rng(0)
    sizes = {"batch": (1, 1, 2), "tokens": (1, 1, 8), "past": (0, 8, 32), "total": (1, 9, 40)}
    plan = compile(model, target="host" if device == "host" else None, shapes=sizes)
    caches = [np.zeros((2, FEW, 0, DEPTH), np.float32)] * (2 * LAYERS)
    names = [each.name for each in model.graph.input][2:]
    with load(plan, device) as engine:
        for tokens in (5, 1, 1):
            held = caches[0].shape[2]
            ids, mask = random.integers(0, WORDS, (2, tokens)), np.ones((2, held + tokens), np.int64)
            given = {"input_ids": ids, "attention_mask": mask} | dict(zip(names, caches, strict=True))
            want, have = run_onnxruntime(model, given), engine.run(given)
            for name, array in want.items():
                assert np.abs(have[name] - array).max() <= 1e-3 * np.abs(array).max(), name
            caches = [want[name.replace("past_key_values", "present")] for name in names]
