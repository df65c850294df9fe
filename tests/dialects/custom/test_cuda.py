"""What a body in CUDA is given: sizes, constants, scratch, shared memory, types, absent operands; and its own
mistakes on the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import custom
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.registry import candidates, realize
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import Request
from glassrt.codegen.text.render import render
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.ir import Block
from glassrt.errors import CompileError, DeviceError, GlassError, IRError

from ...custom_ops import drawn, model, node
from ...places import EXAMPLES


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


def op_with(**body: Any) -> type[custom.CudaOp]:
    """An op of x and, where it is given, w, with BODY."""

    @custom.op("glass.bodies::Bodied")
    class Bodied(custom.CudaOp):
        x = custom.operand()
        w = custom.optional_operand()
        y = custom.result()

        def compute(self, x: Any, w: Any) -> Any:
            return x if w is None else x * w

        def cuda(self) -> custom.CudaBody:
            own = {key: value(self) if callable(value) else value for key, value in body.items()}
            return custom.CudaBody(**{"blocks": 1, "threads": 1, **own})

    return Bodied


def given(inputs: list[str], rows: int = 3, **stored: np.ndarray) -> np.ndarray:
    made = model([node("Bodied", inputs, "y", domain="glass.bodies")], domain="glass.bodies", **stored)
    with glassrt.load(glassrt.compile(made, target="host"), "host") as engine:
        return engine.run({"x": drawn(rows, 24)})["y"]


def test_a_body_has_sizes_scratch_and_shared_memory() -> None:
    op_with(
        text="""
            GLASS_DYNAMIC_SHARED(bytes);
            f32* const row = reinterpret_cast<f32*>(bytes);
            row[thread_x()] = twice(convert<f32>(x[i64(block) * WIDTH + thread_x()]));
            sync_threads();
            kept[i64(block) * WIDTH + thread_x()] = row[WIDTH - 1 - thread_x()];
            sync_threads();
            y[i64(block) * WIDTH + thread_x()] = kept[i64(block) * WIDTH + thread_x()] + f32(rows);
        """,
        functions="GLASS_DEVICE x_type twice(const x_type value) { return value + value; }",
        threads=24,
        shared=96,
        resident=2,
        blocks=lambda op: op.x.type.shape[0],
        constants={"WIDTH": 24},
        sizes=lambda op: {"rows": op.x.type.shape[0]},
        scratch=lambda op: {"kept": custom.Scratch(custom.F32, op.x.type.elements)},
    )
    np.testing.assert_array_equal(given(["x"]), 2 * drawn(3, 24)[:, ::-1] + 3)


def test_an_operand_that_is_absent_is_none_of_the_names() -> None:
    def text(op: Any) -> str:
        factor = "1.0f" if op.w is None else "w[thread_x()]"
        return f"y[i64(block) * 24 + thread_x()] = x[i64(block) * 24 + thread_x()] * {factor};"

    op_with(text=text, threads=24, blocks=lambda op: op.x.type.shape[0])
    np.testing.assert_array_equal(given(["x"]), drawn(3, 24))
    np.testing.assert_array_equal(given(["x", "w"], w=drawn(24)), drawn(3, 24) * drawn(24))


def test_one_buffer_may_be_two_operands() -> None:
    op_with(text="y[block] = x[block] * w[block];", blocks=lambda op: op.x.type.elements)
    np.testing.assert_array_equal(given(["x", "x"]), drawn(3, 24) ** 2)


def failure(kind: type[GlassError], **body: Any) -> str:
    op_with(**body)
    with pytest.raises(kind) as caught:
        given(["x"])
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"text": "#include <cstdio>"},
            "line 1 of the text of its CUDA body is not allowed: '#include <cstdio>'",
        ),
        ({"text": "y[0] = 0;\nasm(what);"}, "line 2 of the text of its CUDA body is not allowed"),
        ({"text": "", "functions": "/* no */"}, "line 1 of the functions of its CUDA body"),
        ({"text": "", "threads": 1025}, "a block of 1025 threads cannot be launched"),
        ({"text": "", "constants": {"x0": 1}}, "'x0' cannot be a name"),
        ({"text": "", "constants": {"a b": 1}}, "'a b' cannot be a name"),
        ({"text": "", "sizes": {"block": 1}}, "'block' cannot be a name"),
        ({"text": "", "constants": {"x": 1}}, "'x' is used for two things"),
        (
            {"text": "", "constants": lambda op: {"ROWS": op.x.type.shape[0]}},
            "constants['ROWS'] is S0, which is not a plain integer",
        ),
        ({"text": "", "blocks": 1.5}, "blocks is 1.5, which is not a size"),
        ({"text": "", "shared": -4}, "shared is -4, which is not an integer of at least 0"),
        ({"text": "", "resident": "all"}, "resident is 'all', which is not an integer of at least 1"),
        ({"text": "", "sizes": {"rows": "S0"}}, "sizes['rows'] is 'S0', which is not a size"),
        ({"text": "", "constants": {"ROWS": 2**64}}, "which is not a plain integer"),
        ({"text": "", "scratch": {"rest": 4}}, "scratch['rest'] is 4, which is not a custom.Scratch"),
        ({"text": "", "scratch": lambda op: {"rest": custom.Scratch(custom.F32, 0.5)}}, "count is 0.5"),
        ({"text": None}, "text is None, which is not a text"),
    ],
    ids=lambda each: each if isinstance(each, str) else ", ".join(each),
)
def test_a_body_that_cannot_be_a_kernel_is_refused(body: dict[str, Any], said: str) -> None:
    text = failure(IRError, **body)
    assert "glass.bodies::Bodied in test_cuda.py" in text
    assert "'y'" in text
    assert said in text


SELF = "from ONNX nodes y; The body of the custom op glass.bodies::Bodied in test_cuda.py"


def test_a_body_that_does_not_compile_names_op_and_node() -> None:
    text = failure(CompileError, text="y[block] = unheard_of(x[block]);")
    assert "unheard_of" in text
    assert SELF in text
    made = model([node("Bodied", ["x"], "y", domain="glass.bodies")], domain="glass.bodies")
    with pytest.raises(CompileError, match="unheard_of") as caught:
        glassrt.compile(made, target="sm_90a", cache=False)
    assert SELF in str(caught.value)
    assert caught.value.diagnostic.nodes == ("y",)


def test_a_body_that_leaves_its_buffers_names_op_and_node() -> None:
    text = failure(DeviceError, text="y[i64(1) << 20] = x[0];")
    assert "write out of bounds: buffer 1 at element 1048576 of 72" in text
    assert SELF in text


def test_the_example_on_tensor_cores_compiles_for_every_generation() -> None:
    """At rank 64 all its sums stay in registers."""
    (cls,) = custom.load_file(EXAMPLES / "custom_ops" / "low_rank_fusion.py")
    block = Block([custom.TensorType(shape, custom.F16) for shape in ((256, 64), (256, 64), *[(64, 64)] * 3)])
    op = cls(*block.arguments)
    block.append(op)
    block.append(Yield(op.result))
    request = Request(block, (op.result.type,), {}, {}, arch_named("sm_80"), "k_fusion")
    code = realize(request, "custom", candidates(request)[0].config)
    sources = {"k_fusion": render(code.template, code.spec)}
    for target in ("sm_80", "sm_90a"):
        (kernel,) = compile_kernels(sources, target, dict(headers()), None).values()
        assert kernel.spill_bytes == 0
        assert kernel.registers <= 128


def test_a_body_of_too_many_statements_is_refused() -> None:
    op_with(text="y[block] = x[block];\n" * 4001, blocks=lambda op: op.x.type.elements)
    made = model([node("Bodied", ["x"], "y", domain="glass.bodies")], domain="glass.bodies")
    with pytest.raises(CompileError, match=r"k_bodied_\w+ has \d+ statements; the limit is 4000") as caught:
        glassrt.compile(made, target="sm_90a", cache=False)
    assert SELF in str(caught.value)
