"""A family that is registered is chosen, grouped, checked and run by its traits, with no other edit."""

from __future__ import annotations

import ast
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.families import TiledFamily, _priced
from glassrt.codegen.families.contraction.mma import MMA
from glassrt.codegen.families.contraction.simt import SIMT
from glassrt.codegen.families.group.cost import MemberLoad
from glassrt.codegen.families.kernel_family import Accumulation, KernelFamily, Rank
from glassrt.codegen.families.registry import BUILT_IN, candidates, families, family_of, registered, unfit
from glassrt.codegen.plan.sources import request_of
from glassrt.codegen.request.request import Request
from glassrt.compiler.checking.accuracy import LaunchReport, measure
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.decompose_attention import has_kernel
from glassrt.compiler.schedule.grouping.variants import Variants
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.dtypes import F32, TF32, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.launch import Kernel
from glassrt.errors import IRError, UnsupportedError
from glassrt.runtime.engine import Engine
from glassrt.testing.net import Net

from ...places import ROOT
from ...property.groups import families as families_of
from ...property.groups import groups, launches, lowered, on_host, take_apart
from ..toy_family import ToyConfig, ToyFamily

TOY = ToyFamily()
EXACT = Accumulation()


def products(*depths: int) -> Module:
    """A product of a matrix of every depth with weights, none of which needs another."""
    net = Net()
    ends = [
        net.add(Matmul, net.input(f"x{depth}", 24, depth), net.weights(depth, 40, scale=depth**-0.5))
        for depth in depths
    ]
    return net.done(*ends)


def inputs_of(*depths: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    return {f"x{depth}": random.standard_normal((24, depth)).astype(np.float32) for depth in depths}


def only_launch(module: Module, precision: str = "fp32") -> Kernel:
    (op,) = launches(lowered(module, precision)[0])
    return op


def only_request() -> Request:
    """The request of a kernel for a product."""
    module, _ = lowered(products(48))
    (op,) = launches(module)
    return request_of(module, op, REFERENCE)


class TestRegistration:
    def test_a_family_is_there_while_it_is_registered(self) -> None:
        assert only_launch(products(48)).family == "contraction_simt"
        with registered(TOY):
            assert families()["toy"] is TOY
            assert only_launch(products(48)).family == "toy"
        assert families() is BUILT_IN and "toy" not in BUILT_IN
        assert only_launch(products(48)).family == "contraction_simt"

    def test_a_registration_ends_with_an_error_too_and_nests(self) -> None:
        other = replace(TOY, name="other")
        with registered(TOY):
            with pytest.raises(RuntimeError), registered(other):
                assert {"toy", "other"} <= set(families())
                raise RuntimeError
            assert "toy" in families() and "other" not in families()

    def test_other_threads_do_not_see_it(self) -> None:
        with registered(TOY), ThreadPoolExecutor(1) as pool:
            assert "toy" not in pool.submit(families).result()

    def test_a_name_that_is_taken_is_refused(self) -> None:
        with (
            pytest.raises(ValueError, match="two kernel families called 'loop'"),
            registered(replace(TOY, name="loop")),
        ):
            pass

    def test_a_name_that_no_family_has_is_an_error_of_the_launch(self) -> None:
        op = only_launch(products(48))
        with pytest.raises(IRError, match="no kernel family 'toy'") as caught:
            family_of(op, "toy")
        assert "matmul0" in str(caught.value)
        assert caught.value.hint == f"these exist: {', '.join(BUILT_IN)}"

    def test_families_are_values(self) -> None:
        family = TiledFamily.of(MMA)
        assert family == families()["contraction_mma"] and hash(family) == hash(TiledFamily.of(MMA))
        assert family != replace(family, needs_features=frozenset({Feature.WGMMA}))
        assert family != TiledFamily.of(replace(MMA, splits=()))
        assert TiledFamily.of(SIMT) != replace(TiledFamily.of(SIMT), accumulation=EXACT)

    def test_prices_are_kept_by_the_value_of_a_family(self) -> None:
        request = only_request()
        first, kept = TiledFamily.of(SIMT).propose(request), _priced.cache_info()
        assert TiledFamily.of(SIMT).propose(request) == first
        again = _priced.cache_info()
        assert (again.hits, again.misses) == (kept.hits + 1, kept.misses)
        assert replace(TiledFamily.of(SIMT), saturates=False).propose(request) == first
        assert _priced.cache_info().misses == kept.misses + 1


class TestChoice:
    @pytest.mark.parametrize(
        ("rank", "wanted"),
        [(Rank.SPECIAL_CASE, "toy"), (Rank.TENSOR_CORES, "toy"), (Rank.ROWS, "contraction_simt")],
    )
    def test_the_more_specialised_goes_first(self, rank: Rank, wanted: str) -> None:
        with registered(replace(TOY, rank=rank)):
            assert only_launch(products(48)).family == wanted

    def test_equals_are_compared_by_cost(self) -> None:
        with registered(replace(TOY, rank=Rank.SCALAR_UNITS)):
            found = candidates(only_request())
        assert {c.family for c in found} == {"toy", "contraction_simt"}
        assert found == sorted(found, key=lambda candidate: candidate.microseconds)

    def test_not_where_the_target_lacks_what_it_needs(self) -> None:
        with registered(replace(TOY, needs_features=frozenset({Feature.TCGEN05}))):
            assert only_launch(products(48)).family == "contraction_simt"

    def test_ranks_keep_designed_kernels_before_general_ones(self) -> None:
        names = list(BUILT_IN)
        order = ["depthwise", "contraction_mma", "contraction_simt", "row", "loop"]
        assert sorted(order, key=names.index) == order

    def test_one_that_rounds_operands_executes_what_a_product_asks_for(self) -> None:
        with registered(replace(TOY, rounds_operands=True)):
            op = only_launch(products(48), "tf32")
        (product,) = [inner for inner in op.body.block if isinstance(inner, Matmul)]
        assert (op.family, op.executed, product.multiply) == ("toy", TF32, TF32)

    def test_one_that_does_not_is_found_out(self) -> None:
        with registered(TOY), pytest.raises(UnsupportedError, match="toy runs it in f32"):
            lowered(products(48), "tf32")


class TestGroups:
    def test_a_groupable_family_is_grouped_and_gives_what_it_gives_alone(self) -> None:
        with registered(TOY):
            module, _ = lowered(products(48, 64))
            (op,) = groups(module)
            assert families_of(op) == ["toy", "toy"]
            together = on_host(module, inputs_of(48, 64))
            take_apart(module)
            assert [op.family for op in launches(module)] == ["toy", "toy"]
            alone = on_host(module, inputs_of(48, 64))
        assert all(together[name].tobytes() == alone[name].tobytes() for name in ("y", "y1"))

    def test_one_that_is_not_stays_alone(self) -> None:
        with registered(replace(TOY, groupable=False)):
            module, _ = lowered(products(48, 64))
            assert [op.family for op in launches(module)] == ["toy", "toy"]
            assert unfit(launches(module)[0]) == "kernels of the family toy cannot be members of a group"

    @pytest.mark.parametrize("tiled", [False, True])
    def test_where_tiles_order_sums_a_configuration_of_fitting_blocks_is_kept(self, tiled: bool) -> None:
        with registered(replace(TOY, accumulation=replace(TOY.accumulation, tiled=tiled))):
            module, _ = lowered(products(48))
            (op,) = launches(module)
            found = Variants(module, REFERENCE).resized(op, 128)
        assert [variant.candidate.config["variant"] for variant in found] == ([0] if tiled else [0, 1])

    def test_the_threads_of_a_block_are_those_of_its_code(self) -> None:
        request = only_request()
        for threads in (64, 128):
            config = vars(ToyConfig(threads))
            assert KernelFamily.threads(TOY, request, config) == TOY.threads(request, config) == threads
            assert {c.config["threads"] for c in TOY.resized(request, config, threads)} == {threads}

    @pytest.mark.parametrize(("saturates", "share"), [(True, 8), (False, 8 * 128 / 2048)])
    def test_what_a_block_keeps_busy(self, saturates: bool, share: float) -> None:
        with registered(replace(TOY, saturates=saturates)):
            module, _ = lowered(products(48))
            (op,) = launches(module)
            own = Variants(module, REFERENCE).own(op)
        assert own.load.blocks == 8 and own.load.share(REFERENCE) == share
        code = replace(own.code, resident=3)
        assert MemberLoad.of(code, request_of(module, op, REFERENCE), 1.0, saturates).resident == 3


class TestChecking:
    def reports(self, accumulation: Accumulation) -> list[LaunchReport]:
        with registered(replace(TOY, accumulation=accumulation)):
            plan = build(products(768), Settings(cache=None)).plan
            with Engine(plan, "host") as engine:
                return measure(engine, inputs_of(768), {})[0]

    def test_it_runs_on_the_host(self) -> None:
        with registered(TOY):
            module, _ = lowered(products(48))
        (op,) = launches(module)
        inputs = inputs_of(48)
        with registered(TOY):
            got, want = on_host(module, inputs)["y"], interpret(module, inputs)["y"]
        assert op.family == "toy" and not np.array_equal(got, want)
        assert np.abs(got - want).max() < 48 * TOY.accumulation.roundoff * np.abs(want).max()

    def test_sums_are_bounded_as_the_family_declares(self) -> None:
        (declared,), (exact,) = self.reports(TOY.accumulation), self.reports(EXACT)
        assert declared.local == exact.local and declared.local.max_abs > 0
        assert declared.excess(None) < 1 < exact.excess(None)

    def test_few_terms_at_a_time_are_bounded_by_these(self) -> None:
        sums = replace(TOY.accumulation, terms=4)
        assert sums.excess([F32, F32], 100) == sums.excess([F32, F32], 4) == 2 * sums.roundoff
        assert sums.excess([F32, F32], 1) == sums.roundoff
        assert sums.excess([TF32], 100) == 0


class TestAttention:
    def test_attention_is_decomposed_where_no_family_attends(self) -> None:
        """A family of any class may attend: who decomposes attention asks the trait, and not a class."""

        class Attentive(ToyFamily):
            def attends(self, op: Attention, operands: DType) -> bool:
                return op.q.type.shape[-1] == 4096

        large = attention_of(4096)
        assert not has_kernel(large, as_policy("fp16"), REFERENCE)
        with registered(Attentive()):
            assert has_kernel(large, as_policy("fp16"), REFERENCE)
        assert has_kernel(attention_of(64), as_policy("fp16"), REFERENCE)


def attention_of(features: int) -> Attention:
    """Attention of one head with so many FEATURES."""
    net = Net()
    heads = [net.input(name, 1, 1, 8, features) for name in "qkv"]
    op = net.add(Attention, *heads, None, scale=features**-0.5).producer
    assert isinstance(op, Attention)
    return op


@cache
def trees() -> dict[Path, ast.Module]:
    """The syntax trees of what must not know a family by its name."""
    paths = [
        path
        for part in ("codegen", "compiler", "dialects", "runtime")
        for path in (ROOT / part).rglob("*.py")
    ]
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


class TestLaws:
    """Nobody but a family's own file knows its name: who asks for a trait is right for new families, too."""

    def test_names_of_families_stand_in_one_place(self) -> None:
        named = set(BUILT_IN) - {"custom", "group", "loop", "row"}  # which are kinds of kernels and rows, too
        found = [
            node.value
            for tree in trees().values()
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in named
        ]
        assert sorted(found) == sorted(named)

    def test_tests_of_other_parts_name_no_family(self) -> None:
        words = {"custom", "depthwise", "group", "loop", "row"}
        named = re.compile("|".join(set(BUILT_IN) - words))
        own = ROOT / "tests" / "codegen" / "families"
        found = [
            str(path.relative_to(ROOT))
            for path in (ROOT / "tests").rglob("*.py")
            if own not in path.parents and named.search(path.read_text(encoding="utf-8"))
        ]
        assert found == []

    def test_no_family_is_compared_with_a_name(self) -> None:
        written_out = re.compile(r"\bfamily\b.*(==|!=|in) *['\"(\[{]")
        compared = [
            f"{path.name}:{node.lineno}"
            for path, tree in trees().items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Compare) and written_out.search(ast.unparse(node))
        ]
        assert compared == []
