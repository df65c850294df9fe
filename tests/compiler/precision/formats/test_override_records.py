"""What the ledger says of overrides: where they count, and which of them count for nothing."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.override_records import OverrideRecords
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F16, F32, I32, U8, DType
from glassrt.dialects.core.module import Module
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

Said = set[tuple[Verdict, tuple[str, ...], str]]


def recorded(module: Module, *overrides: str) -> Said:
    """What is said of OVERRIDES for the kernels of MODULE."""
    context = PassContext(ALL_DIALECTS, PrecisionPolicy("fp16", overrides), clips={})
    fused = PassManager(passes_through("fused", REFERENCE), context).run(module)
    before = len(context.ledger)
    records = OverrideRecords(context)
    for kernel in fused.main.block:
        if isinstance(kernel, FusedKernel):
            records.note(kernel)
    records.finish()
    found = list(context.ledger)[before:]
    assert {record.rule for record in found} <= {"precision-override"}
    return {(record.verdict, record.nodes, record.reason) for record in found}


def chain() -> Module:
    """conv0 add1 relu2 | conv3 add4 | softmax5"""
    net = Net()
    y = net.add(Relu, net.bias(net.conv(net.input("x", 1, 8, 5, 5), 8)))
    return net.done(net.add(Softmax, net.bias(net.conv(y, 8)), axis=1))


def test_the_last_override_of_an_op_counts_and_those_of_none_are_told() -> None:
    assert recorded(chain(), "op:conv=bf16", "op:lrn=fp32", "node:conv*=fp32") == {
        (Verdict.TAKEN, ("conv0",), "node:conv*=fp32 asks for fp32"),
        (Verdict.TAKEN, ("conv3",), "node:conv*=fp32 asks for fp32"),
        (Verdict.REFUSED, (), "op:conv=bf16: it counts for no op that runs"),
        (Verdict.REFUSED, (), "op:lrn=fp32: it counts for no op that runs"),
    }


def test_ops_inside_of_a_kernel_are_told_by_themselves() -> None:
    assert recorded(chain(), "op:relu=fp32", "node:softmax5=bf16") == {
        (Verdict.TAKEN, ("relu2",), "op:relu=fp32 asks for fp32"),
        (Verdict.TAKEN, ("softmax5",), "node:softmax5=bf16 asks for bf16"),
    }


def test_without_overrides_nothing_is_said() -> None:
    assert recorded(chain()) == set()


def shortened(dtype: DType) -> Module:
    """relu of what DTYPE holds, cast."""
    net = Net()
    x = net.input("x", 8, dtype=dtype)
    return net.done(net.add(Sigmoid, net.add(Cast, net.add(Relu, x), to=F32)))


def test_formats_are_about_floats() -> None:
    (said,) = recorded(shortened(I32), "op:relu=fp32")
    reason = "op:relu=fp32 asks for fp32, but policies are about f32, and this is i32"
    assert said == (Verdict.REFUSED, ("relu0",), reason)
    (said,) = recorded(shortened(F16), "op:relu=fp32")
    assert said[0] is Verdict.TAKEN


def test_eight_bits_are_asked_for_where_there_are_bytes() -> None:
    assert {verdict for verdict, _, _ in recorded(shortened(U8), "op:relu=int8")} == {Verdict.TAKEN}
    assert {verdict for verdict, _, _ in recorded(shortened(U8), "op:relu=bf16")} == {Verdict.REFUSED}
