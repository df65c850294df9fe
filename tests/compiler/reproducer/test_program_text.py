"""Programs as tables of C++: arguments, tensor maps, and steps as statements."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from glassrt.compiler.reproducer.program_text import program_text
from glassrt.runtime.launch_rules import Traversal
from glassrt.runtime.program import (
    BoundBuffer,
    BoundLaunch,
    BoundScalar,
    BoundTensor,
    BoundTensorMap,
    Program,
)
from glassrt.runtime.steps import Branch, Repeat

FLAG = BoundBuffer("flag", "arena", 0, 64, 1)
COUNTER = BoundBuffer("counter", "arena", 0, 128, 8)
X = BoundBuffer("x", "input", 0, 0, 1024)
TILED = BoundTensorMap(X, "f16", (64, 8), (128,), Traversal((64, 8), swizzle="128B"))
COLUMNS = BoundTensorMap(
    X, "f16", (8, 4, 4, 4), (16, 64, 256), Traversal((8, 16), lower=(-1, -1), upper=(0, 0))
)


def launch(*arguments: Any) -> BoundLaunch:
    sizes: dict[str, Any] = {"grid": (2, 1, 1), "block": (128, 1, 1), "cluster": (1, 1, 1)}
    return BoundLaunch(
        kernel="k", op="add", nodes=('a"b',), **sizes, cooperative=False, shared_bytes=512, stream=0,
        waits=(), pdl=False, arguments=arguments,
    )  # fmt: skip


def test_all_kinds_of_arguments_and_steps_are_written() -> None:
    launches = (launch(X, BoundScalar("i32", -3), TILED), launch(COLUMNS))
    loop: Any = Repeat(COUNTER, None, FLAG, 5, (0, Branch(FLAG, (1,), ())))
    tensor = BoundTensor("x", "f16", (8, 64), 1024)
    program = Program((), (tensor,), (tensor,), launches, {}, (loop,))
    manifest: Any = SimpleNamespace(
        kernels={"k": SimpleNamespace(entry="k_entry")}, updates={0: 0}, arena_bytes=256, zeroed_bytes=16
    )
    text = program_text(program, manifest, {"k": "cubins/k.cubin"}, 0.5, "sm_90a")
    for line in (
        "ARENA_BYTES = 256, ZEROED_BYTES = 16;",
        '{"x", "f16", 1024},',
        "if (place.space == 3 && place.index == 0) place.space = 2, place.index = 0;",
        '{"k_entry", "cubins/k.cubin"},',
        r'{0, "k: a\"b", {2, 1, 1}, {128, 1, 1}, {1, 1, 1}, 512, false, '
        "{{'b', {2, 0, 0, 1024}, 0}, {'i', {}, -3}, {'m', {2, 0, 0, 1024}, 0}}},",
        "for (long long done = 0; done < 5 && truth(Place{0, 0, 64, 1}); done++) {",
        "        count(Place{0, 0, 128, 8}, done);",
        "        if (truth(Place{0, 0, 64, 1})) {\n            launch(1);\n        } else {\n        }",
        "cuTensorMapEncodeTiled(map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, at, dims, strides, box, every,",
        "cuTensorMapEncodeIm2col(map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, at, dims, strides, lower, upper,",
        "CU_TENSOR_MAP_SWIZZLE_128B",
    ):
        assert line in text, line
