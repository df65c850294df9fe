"""A kernel that turns out to spill is chosen again, in another configuration; else the build fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.kernel_family import Rank
from glassrt.codegen.families.registry import is_group, tiers
from glassrt.codegen.nvrtc import compiled_kernel, parallel
from glassrt.codegen.nvrtc.compiled_kernel import CompiledKernel, UnfitError
from glassrt.compiler.driver.build import Build, Settings, build
from glassrt.compiler.kernels import choice as kernel_choice
from glassrt.compiler.report.modules import launch_module
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.launch import Kernel
from glassrt.runtime.plan import Plan
from glassrt.testing.net import Net

from ...codegen.ranks import rank

SPILLS = "spills 24 bytes per thread (255 registers)"
Judge = Callable[[Callable[[CompiledKernel], bool]], None]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Says of which kernels ptxas is to report spills."""

    def set_to(spills: Callable[[CompiledKernel], bool]) -> None:
        monkeypatch.setattr(compiled_kernel, "unfit", lambda kernel: SPILLS if spills(kernel) else None)

    return set_to


def product() -> Module:
    net = Net()
    return net.done(net.add(Relu, net.linear(net.input("x", 64, 128), 64)))


def two_products() -> Module:
    net = Net()
    return net.done(net.linear(net.add(Relu, net.linear(net.input("x", 64, 128), 64)), 64))


def long_products() -> Module:
    """The first result is larger than the L2 cache, so the second product begins with its end."""
    net = Net()
    return net.done(net.linear(net.add(Relu, net.linear(net.input("x", 98_304, 64), 256)), 64))


def branches() -> Module:
    """Two products that need nothing of each other and become one launch."""
    net = Net()
    x, y = net.input("x", 64, 128), net.input("y", 64, 96)
    return net.done(net.linear(x, 64), net.linear(y, 32))


def built(module: Module, *targets: ArchSpec, **settings: Any) -> Build:
    policy = PrecisionPolicy("fp16", io="fp16")
    return build(module, Settings(targets=targets or (REFERENCE,), precision=policy, cache=None, **settings))


def kernels(result: Build) -> list[Kernel]:
    return launches(result.plan)


def launches(plan: Plan) -> list[Kernel]:
    return [op for op in launch_module(plan).main.block if isinstance(op, Kernel)]


def records(result: Build, rule: str) -> list[dict[str, Any]]:
    return said_of(result.plan, rule)


def said_of(plan: Plan, rule: str) -> list[dict[str, Any]]:
    return [entry for entry in plan.ledger if entry.get("rule") == rule]


def test_the_next_candidate_is_taken(judge: Judge) -> None:
    (first,) = kernels(built(product()))
    judge(lambda kernel: kernel.entry == first.kernel)
    result = built(product())
    (other,) = kernels(result)
    assert other.kernel != first.kernel and other.family == first.family
    assert dict(other.config) != dict(first.config)
    assert list(result.plan.cubins["sm_90a"]) == [other.kernel]
    (record,) = records(result, "register-spill")
    assert record["verdict"] == "taken" and set(record["nodes"]) >= {"matmul0", "relu2"}
    assert record["reason"].startswith(f"{first.family} of block_m") and SPILLS in record["reason"]


def test_neither_order_of_the_tiles_of_a_spilling_kernel_is_chosen_again(judge: Judge) -> None:
    """The order is decided behind the choice, by what the launch before has written."""
    _, turned = kernels(built(long_products()))
    assert turned.config["turned"]
    judge(lambda kernel: kernel.entry == turned.kernel)
    _, other = kernels(built(long_products()))
    first, second = ((op.family, {**op.config, "turned": 0}) for op in (turned, other))
    assert first != second


def test_what_was_decided_before_is_decided_once(judge: Judge) -> None:
    """The ledger of a build that chose again differs from another only by that."""
    (first,) = kernels(built(product()))
    usual = built(product()).plan.ledger
    judge(lambda kernel: kernel.entry == first.kernel)
    ledger = built(product()).plan.ledger
    assert [entry for entry in ledger if entry.get("rule") != "register-spill"] == usual


def test_a_group_that_spills_comes_apart(judge: Judge) -> None:
    (group,) = kernels(built(branches()))
    assert is_group(group.family)
    judge(lambda kernel: kernel.entry == group.kernel)
    result = built(branches())
    assert [rank(op.family) for op in kernels(result)] == [Rank.TENSOR_CORES] * 2
    assert [r["reason"] for r in records(result, "group-launches")] == [f"in a group {SPILLS}"]


def test_a_build_whose_designed_kernels_all_spill_fails(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not done by a general kernel, which would be slow without a word."""
    monkeypatch.setattr(kernel_choice, "tiers", lambda request: [found[:1] for found in tiers(request)])
    (first,) = kernels(built(product()))
    tried: set[str] = set()
    judge(lambda kernel: not tried.add(kernel.entry))
    with pytest.raises(UnfitError) as caught:
        built(product())
    assert len(tried) == 2  # the best on tensor cores, and the best in plain arithmetic
    message = caught.value.message
    assert "(of matmul0" in message and f"for sm_90a, of {first.family}, {SPILLS}" in message
    assert "--nofuse" in (caught.value.hint or "")


def test_kernels_that_the_text_gives_are_not_chosen_again(judge: Judge) -> None:
    plan = built(product()).plan
    (op,) = launches(plan)
    judge(lambda kernel: True)
    with pytest.raises(UnfitError, match=f"of {op.family}, spills"):
        build(launch_module(plan), Settings(targets=(REFERENCE,), cache=None))


def test_general_kernels_may_spill(judge: Judge) -> None:
    net = Net()
    module = net.done(net.add(Relu, net.input("x", 64)))
    judge(lambda kernel: True)
    (op,) = kernels(built(module))
    assert op.family == "loop"


def test_kernels_that_fit_are_compiled_once(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [op.kernel for op in kernels(built(two_products()))]
    made: list[str] = []
    compile_kernel = parallel._Job.compile

    def counted(job: Any, sources: dict[str, str]) -> dict[str, CompiledKernel]:
        made.extend(sources)
        return compile_kernel(job, sources)

    monkeypatch.setattr(parallel._Job, "compile", counted)
    judge(lambda kernel: kernel.entry == names[0])
    again = [op.kernel for op in kernels(built(two_products()))]
    assert again[0] != names[0] and again[1] == names[1]
    assert sorted(made) == sorted({*names, *again})


# ---------------------------------------------------------------- several targets

OLDER = arch_named("sm_90")


def names_of(module: Callable[[], Module]) -> set[str]:
    """The names of the kernel of a plan for both: its own for each, one of which a shared kernel has."""
    return {op.kernel for target in (REFERENCE, OLDER) for op in kernels(built(module(), target))}


def for_both(module: Module) -> tuple[Plan, ...]:
    return built(module, REFERENCE, OLDER).plan.parts


def test_a_kernel_that_spills_for_one_target_is_chosen_again_for_that_alone(judge: Judge) -> None:
    """Both targets run one kernel, under the name that it has for the first."""
    names = names_of(product)
    (shared,) = for_both(product())
    (first,) = launches(shared)
    judge(lambda kernel: kernel.target == "sm_90" and kernel.entry in names)
    newer, older = for_both(product())
    assert (newer.spec.targets, older.spec.targets) == (("sm_90a",), ("sm_90",))
    (kept,), (other,) = launches(newer), launches(older)
    assert (kept.kernel, kept.config) == (first.kernel, first.config)
    assert other.family == first.family and other.config != first.config
    (alone,) = kernels(built(product(), OLDER))
    assert other.config == alone.config, "as in a plan of its own"
    assert said_of(newer, "register-spill") == []
    assert [entry["target"] for entry in said_of(older, "register-spill")] == ["sm_90"]


def test_a_group_that_spills_for_one_target_stays_for_the_other(judge: Judge) -> None:
    names = names_of(branches)
    judge(lambda kernel: kernel.target == "sm_90" and kernel.entry in names)
    newer, older = (launches(part) for part in for_both(branches()))
    assert [is_group(op.family) for op in newer] == [True]
    assert [rank(op.family) for op in older] == [Rank.TENSOR_CORES] * 2


def test_a_kernel_that_spills_for_every_target_is_chosen_again_for_each(judge: Judge) -> None:
    names = names_of(product)
    judge(lambda kernel: kernel.entry in names)
    (part,) = for_both(product())
    assert part.spec.targets == ("sm_90a", "sm_90")
    (alone,) = kernels(built(product()))
    assert launches(part)[0].config == alone.config and launches(part)[0].kernel not in names
