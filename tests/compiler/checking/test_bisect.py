"""Bisection over the compiler's decisions: a planted rule is found, whatever else is decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

import pytest
from glassrt.codegen.nvrtc.compiled_kernel import UnfitError
from glassrt.compiler.checking.bisect import (
    Bisection,
    Execute,
    Trial,
    Trials,
    bisect,
    in_interpreter,
    on_device,
)
from glassrt.compiler.checking.network import meaning
from glassrt.compiler.driver.build import context_of, launch_level
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.patterns.rewrite import Rewriter, pattern
from glassrt.compiler.simplify import canonicalize
from glassrt.dialects.core.interpreter import Array
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.unary import Abs
from glassrt.dialects.launch import Kernel
from glassrt.errors import IRError
from hypothesis import given
from hypothesis import strategies as st

from .small import SMALL, images, parsed, settings

TOLERANCE = 1e-4


@pattern("planted", Relu)
def planted(op: Relu, rewriter: Rewriter) -> bool:
    """relu(x) => abs(x)"""
    rewriter.replace(op, rewriter.insert(Abs(op.x)).result)
    return True


@pattern("failing", Relu)
def failing(op: Relu, rewriter: Rewriter) -> bool:
    """relu(x) => an error"""
    raise IRError("the planted rule fails")


def trials(execute: Execute = in_interpreter) -> Trials:
    """Trials of SMALL."""
    inputs = images()
    return Trials(lambda: parsed(SMALL), settings(), inputs, meaning(parsed(SMALL), inputs), execute)


def plant(monkeypatch: pytest.MonkeyPatch, *rules: object) -> None:
    monkeypatch.setattr(canonicalize, "PATTERNS", (*canonicalize.PATTERNS, *rules))


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    found = bisect(trials(), TOLERANCE)
    assert found.culprit is None and found.trials == 1 and found.after.error < 1e-6
    assert found.after.decisions > 0


@pytest.mark.parametrize("device", [None, "host"])
def test_a_planted_rule_is_named(monkeypatch: pytest.MonkeyPatch, device: str | None) -> None:
    plant(monkeypatch, planted)
    execute = in_interpreter if device is None else on_device(settings(), device)
    found = bisect(trials(execute=execute), TOLERANCE)
    assert found.records[0].rule == "planted" and found.records[0].consumers == ("relu",)
    assert found.before.error < 1e-6 < TOLERANCE < found.after.error


def test_a_rule_that_makes_the_build_fail_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, failing)
    found = bisect(trials(), TOLERANCE)
    assert found.culprit == 1 and not found.before.problem
    assert "the planted rule fails" in found.after.problem


def test_a_decision_that_changes_the_shape_of_an_output_is_found() -> None:
    whole = print_module(launch_level(parsed(SMALL), settings(), context_of(settings())))
    launches = whole.count("launch.kernel")

    def execute(module: Module, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        outputs = in_interpreter(module, inputs)
        fused = print_module(module).count("launch.kernel") == launches
        return {name: array[:, :3] for name, array in outputs.items()} if fused else outputs

    found = bisect(trials(execute), TOLERANCE)
    assert found.culprit and found.before.error < 1e-6 and not found.before.misshapen
    assert found.after.error == math.inf and not found.after.problem
    assert found.after.misshapen == "output 'y' has shape [2, 3, 6, 6], not [2, 4, 6, 6]"


def test_the_same_limit_gives_the_same_beginning() -> None:
    whole = trials()(None)
    for limit in range(whole.decisions + 1):
        part = trials()(limit)
        assert not part.problem and part.error < 1e-6
        assert part.decisions <= max(limit, 0) or limit == 0
        taken = [record for record in part.taken if record.rule != "storage-conversion"]
        begun = [record for record in whole.taken if record.rule != "storage-conversion"]
        assert taken == begun[: len(taken)]
    assert part.taken == whole.taken


def test_without_decisions_nothing_is_fused() -> None:
    context = context_of(replace(settings(), limit=0))
    module = launch_level(parsed(SMALL), settings(), context)
    optional = [r for r in context.ledger if r.verdict == Verdict.TAKEN and r.rule != "storage-conversion"]
    assert not optional and context.decisions == 0
    full = launch_level(parsed(SMALL), settings(), context_of(settings()))
    assert print_module(module).count("launch.kernel") > print_module(full).count("launch.kernel")


def spilling(entries: Container[str], seen: list[list[str]]) -> Execute:
    """Runs in numpy unless a kernel of ENTRIES is there, which spills; SEEN gets those of each attempt."""

    def execute(module: Module, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        seen.append([op.kernel for op in module.main.block if isinstance(op, Kernel)])
        found = {name: "spills 24 bytes per thread" for name in seen[-1] if name in entries}
        if found:
            raise UnfitError("a kernel spills", found, "sm_90a")
        return in_interpreter(module, inputs)

    return execute


def test_a_kernel_that_spills_is_chosen_again_as_in_a_build() -> None:
    usual: list[list[str]] = []
    trials(spilling((), usual))(None)
    designed = next(name for name in usual[0] if name.startswith("k_conv"))
    seen: list[list[str]] = []
    trial = trials(spilling((designed,), seen))(None)
    assert not trial.problem and trial.error < 1e-6
    assert [designed in names for names in seen] == [True, False]
    assert [record.rule for record in trial.taken].count("register-spill") == 1
    assert bisect(trials(spilling((designed,), [])), TOLERANCE).culprit is None


def test_a_build_whose_kernels_all_spill_fails() -> None:
    seen: list[list[str]] = []
    everything = type("", (), {"__contains__": lambda self, name: name.startswith("k_conv")})()
    trial = trials(spilling(everything, seen))(None)
    assert trial.problem == "a kernel spills" and len(seen) > 2


# ---------------------------------------------------------------- the search alone


def record(number: int) -> Record:
    return Record(f"rule {number % 3}", ("op",), (), Verdict.TAKEN, "because")


def search(total: int, outcome: Callable[[int], tuple[float, str]]) -> Bisection:
    def trial(limit: int | None) -> Trial:
        made = total if limit is None else min(limit, total)
        error, problem = outcome(made)
        return Trial(error, problem, made, [record(number) for number in range(made)])

    return bisect(trial, 0.5)


@given(st.integers(1, 500), st.data())
def test_the_search_finds_the_first_of_a_run(total: int, data: st.DataObject) -> None:
    culprit = data.draw(st.integers(1, total))
    found = search(total, lambda made: (1.0 if made >= culprit else 0.0, ""))
    assert found.culprit == culprit
    assert list(found.records) == [record(culprit - 1)]
    assert found.trials <= 3 + math.ceil(math.log2(total + 1))


@given(st.integers(1, 200), st.data())
def test_the_search_always_ends_at_a_change(total: int, data: st.DataObject) -> None:
    errors = data.draw(
        st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=total - 1, max_size=total - 1)
    )
    errors = [0.0, *errors, 1.0]
    found = search(total, lambda made: (errors[made], ""))
    assert found.culprit is not None and found.culprit > 0
    assert errors[found.culprit - 1] == 0.0 and errors[found.culprit] != 0.0


def test_a_model_that_is_wrong_from_the_start_is_no_rules_fault() -> None:
    assert search(9, lambda made: (1.0, "")).culprit == 0
    assert search(9, lambda made: (math.inf, "fails")).culprit == 0


def test_builds_that_fail_for_want_of_a_rule_are_not_taken_for_wrong() -> None:
    found = search(20, lambda made: (math.inf, "cannot be lowered") if made < 5 else (float(made >= 12), ""))
    assert found.culprit == 12 and not found.before.problem
