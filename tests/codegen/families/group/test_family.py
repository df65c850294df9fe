"""Groups: launches of different kernels as one, which give what they give alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.plan.sources import made_kernels
from glassrt.codegen.request.request import Candidate, Config, Request
from glassrt.compiler.kernels.members import members_of
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.errors import IRError
from glassrt.testing.net import Net

from ....property.groups import families, groups, on_host, plan_of, take_apart
from ..test_dependent_launch import ptx_of
from .grouped_modules import Choice, everything, grouped


def preferring(wanted: Callable[[Config], bool]) -> Choice:
    """The best candidate that is WANTED, or the best where none is."""

    def choose(request: Request) -> Candidate:
        found = candidates(request)
        return next((candidate for candidate in found if wanted(candidate.config)), found[0])

    return choose


def convolution_and_pooling() -> Module:
    net = Net()
    x = net.add(Sigmoid, net.input("x", 1, 32, 14, 14))
    y = net.add(Relu, net.bias(net.conv(x, 64, 1)))
    pooled = net.add(MaxPool, x, kernel=[3, 3], strides=[1, 1], pads=[1] * 4)
    return net.done(net.conv(net.add(Concat, y, pooled, axis=1), 8, 1))


def test_a_convolution_beside_a_pooling_is_pinned(golden: Any) -> None:
    module = grouped(convolution_and_pooling(), choose=preferring(lambda config: "warps_k" in config))
    op = next(op for op in groups(module) if families(op) == ["contraction_mma", "window_maxima"])
    source = made_kernels(module, REFERENCE)[op.kernel].source
    assert source == golden.at("convolution_and_pooling.cu")


def same_as_apart(module: Module) -> None:
    """The host device gives the same bits with every member launched alone, twice."""
    apart = parse_module(print_module(module), ALL_DIALECTS, module.resources)
    take_apart(apart)
    for which in ("minimum", "maximum") if module.symbols else ("optimum",):
        inputs = random_inputs(module, seed=5, which=which)
        together_, single = on_host(module, inputs), on_host(apart, inputs)
        for name, array in together_.items():
            assert array.tobytes() == single[name].tobytes(), (name, which)


@pytest.mark.parametrize("batch", [2, "N"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_members_of_every_family_give_what_they_give_alone(batch: Any, precision: str) -> None:
    # A sum that is split in a cluster is faster apart.
    module = grouped(
        everything(batch), precision, preferring(lambda config: int(config.get("splits", 1)) == 1)
    )
    found = {family for op in groups(module) for family in families(op)}
    contraction = "contraction_mma" if precision == "fp16" else "contraction_simt"
    assert found >= {contraction, "depthwise", "loop", "row"}
    same_as_apart(module)


def test_a_split_sum_keeps_its_scratch_memory_in_a_group() -> None:
    net = Net()
    a, b = net.input("a", 8, 1024), net.input("b", 8, 1536)
    ends = [net.add(Matmul, v, net.weights(v.type.shape[1], 32)) for v in (a, b)]  # type: ignore[arg-type]
    module = grouped(net.done(*ends), "fp32", preferring(lambda config: int(config.get("splits", 1)) > 8))
    (op,) = groups(module)
    assert families(op) == ["contraction_simt"] * 2
    assert op.scratch == 4
    splits = [int(member.config["splits"]) for member in members_of(op)]
    assert min(splits) > 8  # more than a cluster has
    assert op.grid[1] == 1
    same_as_apart(module)
    # The counters are zero again after every run.
    inputs = random_inputs(module, seed=6)
    first, again = on_host(module, inputs), on_host(module, inputs)
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)


def test_divided_rows_keep_their_scratch_memory_and_their_shares_in_a_group() -> None:
    net = Net()
    x = net.input("x", 3, 70001)
    ends = [net.add(Reduce, x, kind=kind, axes=[1], keepdims=False) for kind in ("max", "sum")]
    module = grouped(net.done(*ends), "fp32", preferring(lambda config: int(config.get("splits", 1)) > 1))
    (op,) = groups(module)
    assert families(op) == ["row"] * 2
    assert min(int(member.config["splits"]) for member in members_of(op)) > 1
    same_as_apart(module)


def test_a_contraction_of_other_blocks_is_made_anew() -> None:
    net = Net()
    a, b = net.input("a", 64, 96), net.input("b", 64, 32)
    sizes = iter([64, 128])

    def choose(request: Request) -> Candidate:
        found = candidates(request)
        if found[0].family != "contraction_simt":
            return found[0]
        wanted = next(sizes)
        return next(c for c in found if int(c.config["threads_m"]) * int(c.config["threads_n"]) == wanted)

    ends = [net.add(Matmul, v, net.weights(v.type.shape[1], 32)) for v in (a, b)]  # type: ignore[arg-type]
    module = grouped(net.done(*ends), "fp32", choose)
    (op,) = groups(module)
    assert families(op) == ["contraction_simt"] * 2
    same_as_apart(module)
    inputs = random_inputs(module, seed=2)
    results = on_host(module, inputs)
    for name, want in interpret(module, inputs).items():
        assert np.allclose(results[name], want, rtol=1e-4, atol=1e-4), name


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_nvrtc_compiles_groups_without_spills(precision: str) -> None:
    made = made_kernels(grouped(everything(), precision), REFERENCE)
    texts = {name: kernel.source for name, kernel in made.items() if "// A group" in kernel.source}
    assert texts
    for kernel in compile_kernels(texts, "sm_90a", dict(headers()), None).values():
        assert kernel.spill_bytes == 0
        assert kernel.registers <= 128


def test_every_member_waits_once_before_it_reads() -> None:
    made = made_kernels(grouped(convolution_and_pooling()), REFERENCE)
    (text,) = [kernel.source for kernel in made.values() if "// A group" in kernel.source]
    ptx = ptx_of(text)
    assert "ld.global.nc" not in ptx
    assert len(re.findall(r"griddepcontrol\.wait", ptx)) == 2
    loads = [match.start() for match in re.finditer(r"\bld\.global", ptx)]
    assert re.search(r"griddepcontrol\.wait", ptx).start() < min(loads)  # type: ignore[union-attr]


def test_a_wrong_configuration_is_refused() -> None:
    module = grouped(convolution_and_pooling())
    op = groups(module)[-1]
    good = dict(op.config)
    for change in (
        {"m0_family": "attention_mma"},
        {"m0_reads": int(good["m0_reads"]) + 1},
        {"m0_reads": 10**15},
        {"m0_reads": int(good["m0_reads"]) + int(good["m1_reads"]) + 1, "m1_reads": -1},
        {"m1_threads": 64},
        {"m7_family": "loop"},
    ):
        op.config = good | change
        with pytest.raises(IRError, match="cannot run it with this configuration"):
            made_kernels(module, REFERENCE)
    op.config = good
    plan_of(module)


def test_neighbours_with_the_same_code_share_it() -> None:
    """They read other buffers; the member beside them has code of its own."""
    net = Net()
    ends = [net.add(Matmul, net.input(name, 8, 64), net.weights(64, 32)) for name in "abc"]
    ends.append(net.add(Relu, net.input("d", 8, 32)))
    module = grouped(net.done(*ends))
    (op,) = groups(module)
    source = made_kernels(module, REFERENCE)[op.kernel].source
    assert families(op) == families(op)[:1] * 3 + ["loop"]
    assert source.count("::run(") == 2 and "// 3 members have this code." in source
    assert re.search(r"copy == 0 \? y\d : copy == 1 \? y\d : y\d, block - start\)", source)
    same_as_apart(module)
