"""A step of a language model in ONNX Runtime's own ops, on the host: weights of 4 bits, keys in caches."""

from __future__ import annotations

import glassrt
import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ..models import Array, run_onnxruntime

WIDTH, HEADS, SIZE, MOST = 32, 2, 16, 12
RNG = np.random.default_rng(6)
F32, I32, U8 = np.float32, np.int32, np.uint8


def step() -> ModelProto:
    """Attention of S tokens after P in a cache, and what is behind it: [1, S, 32] gives [1, S, 32]."""
    angles = np.outer(np.arange(MOST), 10.0 ** (-np.arange(SIZE // 2) / 2))
    stored: dict[str, Array] = {
        "cosines": np.cos(angles).astype(F32),
        "sines": np.sin(angles).astype(F32),
        "gain": RNG.uniform(0.5, 1.5, WIDTH).astype(F32),
        "packed": RNG.integers(0, 256, (2 * WIDTH, 2, 8)).astype(U8),
        "scales": RNG.uniform(0.01, 0.02, (2 * WIDTH, 2)).astype(F32),
    }
    own = {"domain": "com.microsoft"}
    nodes = [
        helper.make_node("SimplifiedLayerNormalization", ["x", "gain"], ["n"], epsilon=1e-5),
        helper.make_node(
            "MatMulNBits",
            ["n", "packed", "scales"],
            ["qkv"],
            K=WIDTH,
            N=2 * WIDTH,
            bits=4,
            block_size=16,
            **own,
        ),
        helper.make_node(
            "GroupQueryAttention",
            ["qkv", "", "", "keys", "values", "lengths", "total", "cosines", "sines"],
            ["a", "keys_after", "values_after"],
            num_heads=HEADS,
            kv_num_heads=1,
            do_rotary=1,
            **own,
        ),
        helper.make_node("SkipSimplifiedLayerNormalization", ["a", "x", "gain"], ["y"], epsilon=1e-5, **own),
    ]
    cache = (1, 1, "P", SIZE)
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, "S", WIDTH)),
        *(helper.make_tensor_value_info(name, TensorProto.FLOAT, cache) for name in ("keys", "values")),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, (1,)),
        helper.make_tensor_value_info("total", TensorProto.INT32, ()),
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in ("y", "keys_after", "values_after")]
    weights = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(
        helper.make_graph(nodes, "step", inputs, outputs, weights), opset_imports=opsets, ir_version=10
    )


def test_a_prompt_and_two_tokens() -> None:
    made = step()
    shapes = {"S": (1, 1, MOST), "P": (0, 5, MOST)}
    engine = glassrt.load(glassrt.compile(made, target="host", shapes=shapes), "host")
    caches = {name: np.zeros((1, 1, 0, SIZE), F32) for name in ("keys", "values")}
    total = 0
    for tokens in (5, 1, 1):
        total += tokens
        sizes = {"lengths": np.array([total - 1], I32), "total": np.array(total, I32)}
        inputs = {"x": RNG.standard_normal((1, tokens, WIDTH), F32), **caches, **sizes}
        have, want = engine.run(inputs), run_onnxruntime(made, inputs)
        for name, result in want.items():
            np.testing.assert_allclose(have[name], result, rtol=1e-4, atol=1e-4)
        caches = {name: want[f"{name}_after"] for name in caches}
