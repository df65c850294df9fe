"""Precision policies: what they say, what every kernel records, and what happens when it cannot be done."""

from __future__ import annotations

from dataclasses import replace

import glassrt
import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.kernel_family import Rank
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.driver.interface import with_io_types
from glassrt.compiler.driver.pipeline import passes_through, passes_to
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.formats import FORMATS
from glassrt.compiler.settings.policy import Override, PrecisionPolicy
from glassrt.dialects.core.dtypes import BF16, F16, F32, TF32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.dialects.launch import Kernel as LaunchKernel
from glassrt.dialects.precision import PrecisionKernel
from glassrt.errors import InputError, UnsupportedError
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st

from ...codegen.ranks import rank

PASSES = passes_through("precision", REFERENCE)


def lower(module: Module, policy: PrecisionPolicy) -> tuple[list[PrecisionKernel], list[Record]]:
    """The kernels of MODULE at the precision level, and the ledger."""
    context = PassContext(ALL_DIALECTS, policy)
    module = with_io_types(module, policy)
    lowered = PassManager(PASSES, context, verify_each="semantics").run(module)
    return [op for op in lowered.main.block if isinstance(op, PrecisionKernel)], list(context.ledger)


def kernel_of(kernels: list[PrecisionKernel], node: str) -> PrecisionKernel:
    """The kernel that has an op of NODE: names end in the number of the op, as `conv0`."""
    return next(k for k in kernels if any(node in op.location.nodes for op in k.body.block))


def chain() -> Module:
    """conv0 add1 relu2 | conv3 add4 | softmax5"""
    net = Net()
    y = net.add(Relu, net.bias(net.conv(net.input("x", 1, 8, 5, 5), 8)))
    return net.done(net.add(Softmax, net.bias(net.conv(y, 8)), axis=1))


def overflowing() -> Module:
    """matmul0 add1 relu2 | matmul3, whose weights are beyond fp16."""
    net = Net()
    y = net.add(Relu, net.linear(net.input("x", 2, 4), 4))
    return net.done(net.add(Matmul, y, net.const(np.array([[1e6, 0, 0, 0]] * 4, np.float32))))


# ---------------------------------------------------------------- what a policy says

SUBJECTS = st.sampled_from(["op:conv", "op:softmax", "node:/layer3/*", "node:a=b", "node:x[0]"])
NAMES = st.sampled_from(sorted(FORMATS.keys() - {"fp8"}))  # beside int8 it is an error
POLICIES = st.builds(
    PrecisionPolicy,
    NAMES,
    st.dictionaries(SUBJECTS, NAMES),
    st.sampled_from(["model", "fp16", "f32"]) | st.dictionaries(st.just("x"), st.just("bf16")),
    st.booleans(),
)


def parsed(words: list[str]) -> PrecisionPolicy:
    pairs = [(word, words[at + 1]) for at, word in enumerate(words) if word in ("--override", "--io")]
    io = {text.rpartition("=")[0] or "*": text.rpartition("=")[2] for word, text in pairs if word == "--io"}
    overrides = [text for word, text in pairs if word == "--override"]
    return PrecisionPolicy(words[1], overrides, io, "--allow-fallback" in words)


@given(POLICIES)
def test_policies_are_values_that_their_arguments_give_again(policy: PrecisionPolicy) -> None:
    again = parsed(policy.arguments())
    assert again == policy and hash(again) == hash(policy)
    assert replace(policy) == policy
    other = replace(policy, allow_fallback=not policy.allow_fallback)
    assert other != policy and other.io == policy.io and other.overrides == policy.overrides


def test_a_policy_knows_its_formats_of_eight_bits() -> None:
    def names(policy: PrecisionPolicy) -> list[str]:
        return [format.name for format in policy.eight_bits]

    assert names(PrecisionPolicy("fp16", {"op:conv": "int8"})) == ["int8"]
    assert names(PrecisionPolicy("int8", {"op:conv": "fp8"})) == ["int8", "fp8"]
    assert not PrecisionPolicy("fp16", {"op:conv": "bf16"}).quantizes


def test_the_last_override_of_an_op_counts() -> None:
    op = Net().conv(Net().input("x", 1, 4, 3, 3), 4).producer
    assert op is not None and op.location.nodes == ("conv0",)

    def chosen(*overrides: str) -> str:
        return PrecisionPolicy("fp16", overrides).format_of(op).name

    assert chosen() == chosen("op:matmul=fp32") == chosen("node:conv=fp32") == "fp16"
    assert chosen("op:conv=fp32", "node:conv*=bf16") == "bf16"
    assert chosen("node:conv*=bf16", "op:conv=fp32") == "fp32"
    assert chosen("node:conv0=tf32", "node:c*=bf16", "node:d*=fp32") == "bf16"
    assert chosen("node:c*=bf16", "node:conv0=tf32") == "tf32"
    assert chosen("node:conv[0-9]=bf16") == "bf16" and chosen("node:conv[[]0]=bf16") == "fp16"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("op:softmax", "has no format"),
        ("softmax=fp32", "names neither ops nor nodes"),
        ("op:=fp32", "names neither ops nor nodes"),
        ("op:sofmax=fp32", r"(?s)there is no op 'sofmax'\n.*\n  hint: is softmax"),
        ("node:x=fp64", "there is no precision 'fp64'"),
    ],
)
def test_overrides_that_mean_nothing(text: str, problem: str) -> None:
    with pytest.raises((InputError, UnsupportedError), match=problem):
        Override.parse(text)


def test_types_that_inputs_cannot_have() -> None:
    with pytest.raises(UnsupportedError, match="cannot be given as 'int8'"):
        PrecisionPolicy("fp16", io="int8")


# ---------------------------------------------------------------- overrides


def test_an_override_stores_and_multiplies_in_its_format() -> None:
    kernels, _ = lower(chain(), PrecisionPolicy("fp16", ["node:conv3=fp32"]))
    conv = kernel_of(kernels, "conv3")
    assert (conv.requested, conv.compute, conv.accumulate) == (F32, F32, F32)
    assert "override node:conv3=fp32" in conv.why and conv.fallback == ""
    # What is stored is up to the op that makes it: the bias, which nothing was said about.
    assert conv.results[0].type.dtype == F16
    assert kernel_of(kernels, "conv0").compute == F16

    kernels, _ = lower(chain(), PrecisionPolicy("fp16", ["node:add4=fp32"]))
    conv = kernel_of(kernels, "conv3")
    assert conv.compute == F16 and conv.results[0].type.dtype == F32

    kernels, _ = lower(chain(), PrecisionPolicy("fp32", ["op:conv=bf16"]))
    assert {kernel_of(kernels, node).compute for node in ("conv0", "conv3")} == {BF16}


def test_what_a_wider_format_stores_is_not_rounded_on_the_way() -> None:
    net = Net()
    y = net.add(Relu, net.bias(net.conv(net.input("x", 1, 8, 5, 5), 8)))
    kernels, _ = lower(net.done(net.add(Softmax, y, axis=3)), PrecisionPolicy("fp16", ["op:relu=fp32"]))
    stored = kernel_of(kernels, "relu2").results[0].type
    assert stored.dtype == F32 and all(k.results[0].type.dtype == F32 for k in kernels[1:])


def test_siblings_of_different_formats_stay_apart() -> None:
    def joined(*overrides: str) -> bool:
        net = Net()
        x = net.input("x", 1, 16, 6, 6)
        ends = [net.add(Relu, net.bias(net.conv(x, 16, 1))) for _ in range(2)]
        module = net.done(*(net.add(MaxPool, end, kernel=[2, 2]) for end in ends))
        _, records = lower(module, PrecisionPolicy("fp16", overrides))
        return any(r.rule == "horizontal-contraction" and r.verdict is Verdict.TAKEN for r in records)

    assert joined() and joined("op:conv=fp32") and not joined("node:conv0=fp32")


def test_the_same_policy_gives_the_same_plan() -> None:
    policy = PrecisionPolicy("tf32", {"op:softmax": "fp16", "node:conv*": "bf16"}, {"x": "fp16"})
    plans = [
        build(chain(), Settings(precision=p, cache=None)).plan for p in (policy, parsed(policy.arguments()))
    ]
    assert plans[0].to_bytes() == plans[1].to_bytes()


# ---------------------------------------------------------------- what is kept, with the reason


def test_reasons_of_what_is_kept_in_higher_precision() -> None:
    net = Net()
    y = net.add(Sigmoid, net.add(Softmax, net.add(Softmax, net.input("x", 4, 4), axis=1), axis=0))
    kernels, _ = lower(net.done(y), PrecisionPolicy("fp16"))
    assert [(k.requested, k.compute, k.why) for k in kernels[:1]] == [
        (F16, F32, "fp16 policy; rows are reduced in f32")
    ]
    assert kernels[-1].why.endswith("an output keeps its type")
    net = Net()
    x = net.input("x", 4, 4)
    kernels, _ = lower(
        net.done(net.add(Softmax, net.add(Mul, net.add(Sigmoid, x), x), axis=1), x), PrecisionPolicy("tf32")
    )
    assert all(k.why == "tf32 policy; only products are rounded" for k in kernels if k.root == "row")


# ---------------------------------------------------------------- tf32


@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True), (True, True)])
def test_tf32_operands_that_are_computed_are_copied_where_they_must(flips: tuple[bool, bool]) -> None:
    net = Net()
    a, b = net.add(Relu, net.input("a", 8, 8)), net.add(Relu, net.input("b", 8, 8))
    y = net.add(Matmul, a, net.add(Softmax, b, axis=1), transpose_a=flips[0], transpose_b=flips[1])
    plan = build(net.done(y), Settings(precision=PrecisionPolicy("tf32"), cache=None)).plan
    last = launches(plan)[-1]
    assert rank(last.family) is Rank.TENSOR_CORES
    assert (last.requested, last.compute, last.executed) == (TF32, TF32, TF32)
    inputs = {name: np.random.default_rng(1).standard_normal((8, 8)).astype(np.float32) for name in "ab"}
    left = np.maximum(inputs["a"], 0).astype(np.float64)
    right = np.exp(np.maximum(inputs["b"], 0).astype(np.float64))
    right /= right.sum(1, keepdims=True)
    want = (left.T if flips[0] else left) @ (right.T if flips[1] else right)
    have = glassrt.load(plan, device="host").run(inputs)["y"]
    error = np.abs(have - want).max() / np.abs(want).max()
    assert 2.0**-20 < error < 2.0**-9  # rounded to 11 bits, and not more


def test_ties_are_rounded_to_even() -> None:
    net = Net()
    weights = np.zeros((8, 1), np.float32)
    weights[0] = 1
    plan = build(
        net.done(net.add(Matmul, net.input("x", 5, 8), net.const(weights))),
        Settings(precision=PrecisionPolicy("tf32"), cache=None),
    ).plan
    x = np.zeros((5, 8), np.float32)
    x[:, 0] = [1 + 2.0**-11, -1 - 2.0**-11, 1 + 2.0**-12, 1 + 3 * 2.0**-11, 3.0]
    have = np.asarray(glassrt.load(plan, device="host").run({"x": x})["y"])[:, 0]
    assert have.tolist() == [1, -1, 1, 1 + 2.0**-9, 3]


# ---------------------------------------------------------------- mismatches


def launches(plan: glassrt.Plan) -> list[LaunchKernel]:
    module = parse_module(plan.ir("launch"), ALL_DIALECTS)
    return [op for op in module.walk() if isinstance(op, LaunchKernel)]


def test_a_weight_beyond_the_range_is_an_error_unless_allowed() -> None:
    with pytest.raises(UnsupportedError) as caught:
        lower(overflowing(), PrecisionPolicy("fp16"))
    (offender,) = caught.value.offenders
    assert offender.startswith(
        "matmul3: f16 was requested, but it runs in f32: a weight exceeds the range of f16"
    )
    assert "--allow-fallback" in str(caught.value.hint) and "--override node:matmul3=fp32" in str(
        caught.value.hint
    )

    kernels, records = lower(overflowing(), PrecisionPolicy("fp16", allow_fallback=True))
    kernel = kernel_of(kernels, "matmul3")
    assert (kernel.requested, kernel.compute) == (F16, F32) and kernel.fallback in kernel.why
    (record,) = [r for r in records if r.rule == "precision-fallback"]
    assert record.nodes == ("matmul3",) and record.figures == {"requested": "f16", "executed": "f32"}

    kernels, records = lower(overflowing(), PrecisionPolicy("fp16", ["node:matmul3=fp32"]))
    kernel = kernel_of(kernels, "matmul3")
    assert (kernel.requested, kernel.compute, kernel.fallback) == (F32, F32, "")
    assert not [r for r in records if r.rule == "precision-fallback"]


OLD = replace(REFERENCE, name="sm_80", features=frozenset())  # no tensor cores


def test_no_tensor_cores_no_tf32() -> None:
    def kernels(**options: bool) -> str:
        context = PassContext(ALL_DIALECTS, PrecisionPolicy("tf32", **options))
        return print_module(PassManager(passes_through("precision", OLD), context).run(chain()))

    with pytest.raises(UnsupportedError) as caught:
        kernels()
    assert "precision level: 2 kernels run in another format" in caught.value.message
    assert "sm_80 has no tensor cores for tf32" in str(caught.value)
    assert [text.split(":")[0] for text in caught.value.offenders] == ["conv0, add1, relu2", "conv3, add4"]
    assert "--override node:conv0=fp32 --override node:conv3=fp32" in str(caught.value.hint)
    text = kernels(allow_fallback=True)
    assert text.count("requested = tf32, compute = f32") == 2
    assert "multiply" not in text


def test_text_for_another_target_is_held_to_this_one() -> None:
    def launched(**options: bool) -> str:
        context = PassContext(ALL_DIALECTS, PrecisionPolicy("tf32", **options))
        steps = (*PASSES, *passes_to("launch", OLD))
        return print_module(PassManager(steps, context).run(chain()))

    with pytest.raises(UnsupportedError, match="launch level: 2 kernels run in another format"):
        launched()
    text = launched(allow_fallback=True)
    assert text.count("requested = tf32, compute = tf32, executed = f32") == 2
    # The region says what is done: it is the oracle of the kernel.
    assert "multiply" not in text


def test_edited_text_whose_formats_are_not_true_is_refused() -> None:
    made = chain()
    text = build(made, Settings(precision=PrecisionPolicy("fp16"), cache=None)).plan.ir("precision")
    module = parse_module(text.replace("compute = f32", "compute = f16"), ALL_DIALECTS, made.resources)
    context = PassContext(ALL_DIALECTS)
    with pytest.raises(UnsupportedError, match=r"softmax5: f16 was requested, but it runs in f32: row"):
        PassManager(passes_to("launch", REFERENCE), context).run(module)


# ---------------------------------------------------------------- inputs and outputs


def test_inputs_and_outputs_take_other_types() -> None:
    policy = PrecisionPolicy("fp16", io={"x": "fp16", "y": "bf16"})
    plan = build(chain(), Settings(precision=policy, cache=None)).plan
    assert [t.dtype for t in (*plan.spec.inputs, *plan.spec.outputs)] == ["f16", "bf16"]
    plain = build(chain(), Settings(precision=PrecisionPolicy("fp16"), cache=None)).plan
    assert len(plan.spec.launches) == len(plain.spec.launches)  # the casts cost no kernel
    x = np.random.default_rng(0).standard_normal((1, 8, 5, 5)).astype(np.float16)
    have = np.asarray(glassrt.load(plan, device="host").run({"x": x})["y"])
    want = np.asarray(glassrt.load(plain, device="host").run({"x": x.astype(np.float32)})["y"])
    np.testing.assert_array_equal(have, want.astype(have.dtype))


def test_an_f16_input_is_read_in_place() -> None:
    net = Net()
    module = net.done(net.add(Softmax, net.linear(net.input("x", 4, 8), 8), axis=1))
    kernels, records = lower(module, PrecisionPolicy("fp16", io="fp16"))
    assert [k.root for k in kernels] == ["contraction", "row"]
    contraction = next(op for op in kernels[0].body.block if has(op, Trait.CONTRACTION))
    assert contraction.inputs[0] is kernels[0].body.block.arguments[0]
    assert not any(r.rule in ("storage-conversion", "load-conversion") for r in records)
    net = Net()
    module = net.done(net.conv(net.input("x", 1, 16, 8, 8), 16))
    kernels, records = lower(module, PrecisionPolicy("fp16", io="fp16"))
    assert any(r.rule == "stored-already" for r in records)
    net = Net()
    module = net.done(net.add(Softmax, net.linear(net.input("x", 4, 8), 8), axis=1))
    kernels, _ = lower(module, PrecisionPolicy("fp32", io="fp16"))
    assert kernels[-1].results[0].type.dtype == F16
