"""Policies of eight bits: which kernels multiply bytes, and what overrides keep in floats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.kernel_family import Rank
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.driver.interface import with_io_types
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.kernels.members import Member, members_of
from glassrt.compiler.passes.ledger import Ledger, Record, Verdict
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.scales.names import tensor_names
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F8E4M3, F16, F32, I8, I32, U8, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.types import ROW_MAJOR, Layout
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.dialects.launch import Kernel
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net

from ...codegen.ranks import rank

STORED = {"int8": I8, "fp8": F8E4M3}
K_INNERMOST = Layout((1, 0))


def layers() -> Module:
    """matmul0 add1 relu2 | matmul3 add4 relu5 | matmul6 add7"""
    net = Net()
    x = net.input("x", 64, 128)
    for _ in range(2):
        x = net.add(Relu, net.linear(x, 128))
    return net.done(net.linear(x, 64))


def launched(module: Module, policy: PrecisionPolicy) -> tuple[list[tuple[Kernel, Member]], list[Record]]:
    """The products of MODULE's launch level for sm_90a, every tensor between -4 and 4, and the ledger."""
    settings = Settings(targets=(REFERENCE,), precision=policy, cache=None)
    clips = dict.fromkeys(tensor_names(module.main).values(), 4.0) if policy.quantizes else None
    context = replace(context_of(settings), clips=clips)
    lowered = launch_level(with_io_types(module, policy), settings, context)
    kernels = [op for op in lowered.main.block if isinstance(op, Kernel)]
    members = [(op, member) for op in kernels for member in members_of(op)]
    products = [each for each in members if each[1].family.startswith("contraction")]
    return products, list(context.ledger)


def executed(products: list[tuple[Kernel, Member]]) -> list[DType]:
    return [member.formats["executed"] for _, member in products]


def refusals(records: list[Record]) -> dict[str, str]:
    names = ("insert-quantization", "integer-contraction")
    found = (record for record in records if record.rule in names and record.verdict is Verdict.REFUSED)
    return {record.nodes[0]: record.reason for record in found}


@pytest.mark.parametrize("precision", STORED)
def test_products_of_bytes_run_on_tensor_cores(precision: str) -> None:
    """Their weights lie with k innermost, which is the only way in which bytes are read."""
    products, _ = launched(layers(), PrecisionPolicy(precision))
    assert [rank(member.family) for _, member in products] == [Rank.TENSOR_CORES] * 3
    assert executed(products) == [STORED[precision]] * 2 + [F16]
    for op, member in products[:2]:
        x, w = op.reads[member.reads][:2]
        assert (x.type.layout, w.type.layout) == (ROW_MAJOR, K_INNERMOST)
        assert {key: str(format) for key, format in member.formats.items()} == dict.fromkeys(
            ("requested", "compute", "executed"), STORED[precision].name
        )


def last_product(module: Module, context: PassContext) -> PrecisionKernel:
    """The last product of MODULE at the precision level."""
    for level in ("graph", "fused", "precision"):
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
    kernels = (op for op in module.main.block if isinstance(op, PrecisionKernel))
    return [kernel for kernel in kernels if kernel.root == "contraction"][-1]


@pytest.mark.parametrize("precision", STORED)
def test_a_product_that_stays_in_floats_says_what_was_asked_for_and_why(precision: str) -> None:
    settings = Settings(precision=PrecisionPolicy(precision), cache=None)
    module = layers()
    context = replace(context_of(settings), clips=dict.fromkeys(tensor_names(module.main).values(), 4.0))
    last = last_product(module, context)
    assert (last.requested, last.compute, last.fallback) == (STORED[precision], F16, "")
    assert "the last contraction before an output stays in floats" in last.why
    products, _ = launched(layers(), PrecisionPolicy(precision))
    formats = {key: str(format) for key, format in products[-1][1].formats.items()}
    assert formats == {"requested": STORED[precision].name, "compute": "f16", "executed": "f16"}


def test_products_of_computed_tensors_say_that_they_are_not_quantized() -> None:
    """In a model that is quantized itself no pass had to say why."""
    net = Net()
    scale = net.const(np.float32(0.1))
    x = net.add(Quantize, net.input("x", 16, 16), scale, to=I8)
    w = net.add(Dequantize, net.const(np.ones((16, 16), np.int8)), scale, to=F32)
    y = net.add(Matmul, net.add(Dequantize, x, scale, to=F32), w)
    settings = Settings(precision=PrecisionPolicy("int8"), cache=None)
    module, context = net.done(net.add(Matmul, net.add(Relu, y), y)), context_of(settings)
    last = last_product(module, context)
    assert last.requested == I8 and last.compute == F16
    assert "its operands are not quantized" in last.why


class Unreadable(Ledger):
    """A ledger that passes may write to, and no more."""

    def __iter__(self) -> Iterator[Record]:
        raise AssertionError("a pass reads the ledger to decide")

    def __len__(self) -> int:
        raise AssertionError("a pass counts the ledger's records to decide")


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_no_pass_reads_the_ledger(precision: str) -> None:
    """What passes tell each other does not depend on how it is told to people."""
    settings = Settings(targets=(REFERENCE,), precision=PrecisionPolicy(precision), cache=None)
    texts = []
    for ledger in (Ledger(), Unreadable()):
        module = layers()
        clips = dict.fromkeys(tensor_names(module.main).values(), 4.0)
        context = replace(context_of(settings), clips=clips, ledger=ledger)
        texts.append(print_module(launch_level(module, settings, context)))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("asked", "verdict"), [("fp32", Verdict.REFUSED), ("int8", Verdict.TAKEN)])
def test_an_override_says_nothing_to_products_of_integers(asked: str, verdict: Verdict) -> None:
    """The model itself multiplies bytes and gives an i32: there are no floats to go back to."""
    net = Net()
    x, w = net.input("x", 8, 16, dtype=U8), net.const(np.ones((16, 16), np.int8))
    module = net.done(net.add(Cast, net.add(Matmul, x, w, accumulate=I32), to=F32))
    policy = PrecisionPolicy("fp16", {"op:matmul": asked})
    products, records = launched(module, policy)
    assert executed(products) == [U8]
    (record,) = [r for r in records if r.rule == "precision-override"]
    assert (record.verdict, record.nodes) == (verdict, ("matmul0",))
    assert ("policies are about f32, and this is u8" in record.reason) == (verdict is Verdict.REFUSED)


@pytest.mark.parametrize("precision", STORED)
@pytest.mark.parametrize(("asked", "dtype"), [("fp16", F16), ("fp32", F32)])
def test_an_override_keeps_a_product_in_floats(precision: str, asked: str, dtype: DType) -> None:
    products, records = launched(layers(), PrecisionPolicy(precision, {"node:matmul3": asked}))
    assert executed(products) == [STORED[precision], dtype, F16]
    reason = f"the override node:matmul3={asked} asks for {asked}"
    last = "the last contraction before an output stays in floats"
    assert refusals(records) == {"matmul3": reason, "matmul6": last}


def test_what_an_override_keeps_in_floats_reads_floats() -> None:
    net = Net()
    x = net.add(Relu, net.input("x", 8, 16))
    kept, other = net.linear(x, 16), net.add(Matmul, x, net.weights(16, 4))
    module = net.done(net.linear(kept, 8), net.linear(other, 8))
    products, _ = launched(module, PrecisionPolicy("int8", {"node:matmul1": "fp32"}))
    reads = {member.nodes[0]: op.reads[member.reads][0].type.dtype for op, member in products}
    assert (reads["matmul1"], reads["matmul3"]) == (F32, I8)  # the relu is computed while x is loaded


def test_an_override_asks_for_eight_bits() -> None:
    """Of the last product too, which is kept in floats when nobody names it."""
    products, records = launched(layers(), PrecisionPolicy("fp16", {"node:matmul[36]": "int8"}))
    assert executed(products) == [F16, I8, I8]
    assert refusals(records) == {"matmul0": "the policy asks for fp16"}


def test_an_override_keeps_what_the_model_quantizes_in_floats() -> None:
    def module() -> Module:
        net = Net()
        scale = net.const(np.float32(0.1))
        x = net.input("x", 8, 16)
        for _ in range(2):
            x = net.add(Dequantize, net.add(Quantize, x, scale, to=I8), scale, to=F32)
            w = net.const(np.arange(-128, 128, dtype=np.int8).reshape(16, 16))
            x = net.add(Matmul, x, net.add(Dequantize, w, scale, to=F32))
        return net.done(x)

    names = [op.location.nodes[0] for op in module().main.block if isinstance(op, Matmul)]
    plain, _ = launched(module(), PrecisionPolicy("fp16"))
    assert executed(plain) == [I8, I8]
    products, records = launched(module(), PrecisionPolicy("fp16", {f"node:{names[1]}": "fp32"}))
    assert executed(products) == [I8, F32]
    assert refusals(records) == {names[1]: f"the override node:{names[1]}=fp32 asks for fp32"}


def test_inputs_of_another_type_have_the_scales_of_the_model() -> None:
    """The table was made for the model; the cast of an f16 input is none of its tensors."""
    products, _ = launched(layers(), PrecisionPolicy("int8", io="fp16"))
    assert executed(products) == [I8, I8, F16]


@pytest.mark.parametrize("formats", [("int8", "fp8"), ("fp8", "int8")])
def test_one_program_multiplies_in_both_formats(formats: tuple[str, str]) -> None:
    policy = PrecisionPolicy("fp16", {"node:matmul0": formats[0], "node:matmul3": formats[1]})
    products, _ = launched(layers(), policy)
    assert executed(products) == [STORED[formats[0]], STORED[formats[1]], F16]


@pytest.mark.parametrize("formats", [("int8", "fp8"), ("fp8", "int8")])
def test_both_formats_in_one_program_lose_what_they_lose(formats: tuple[str, str]) -> None:
    policy = PrecisionPolicy("fp16", {"node:matmul0": formats[0], "node:matmul3": formats[1]})
    settings = Settings(targets=(REFERENCE,), precision=policy, cache=None)
    module = layers()
    context = replace(context_of(settings), clips=dict.fromkeys(tensor_names(module.main).values(), 4.0))
    x = np.random.default_rng(3).standard_normal((64, 128)).astype(np.float32)
    (want,) = interpret(layers(), {"x": x}).values()
    (got,) = interpret(launch_level(module, settings, context), {"x": x}).values()
    assert 1e-3 < np.linalg.norm(got - want) / np.linalg.norm(want) < 0.1
