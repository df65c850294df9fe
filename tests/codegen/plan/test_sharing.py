"""Kernels that differ in sizes alone share one entry, and give what each gives by itself."""

from __future__ import annotations

import re
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.nvrtc.compiled_kernel import UnfitError
from glassrt.codegen.plan import assemble
from glassrt.codegen.plan.assemble import BuildOptions
from glassrt.codegen.plan.sharing import RULE, shared
from glassrt.codegen.plan.sources import MadeKernel, made_kernels
from glassrt.codegen.request.parameters import SizeParameter
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.runtime.plan import Plan
from onnx import ModelProto

from ...custom_ops import drawn, node
from ...custom_ops import model as custom_model
from ...e2e.networks import Net as OnnxNet
from ...property.concat_graphs import lowered
from ...property.graphs import Net

APART = frozenset({"group-launches"})
ROWS = (100, 104, 108)


def growing(rows: tuple[int, ...] = ROWS, depth: int = 64) -> Module:
    """Products side by side, one for each number of ROWS, of so many steps of k."""
    net = Net()
    return lowered(
        net.done(*(net.linear(net.input(f"x{count}", count, depth), 64) for count in rows)), disabled=APART
    )[0]


def sizes_of(kernel: MadeKernel) -> list[int]:
    return [each.value for each in kernel.code.parameters if isinstance(each, SizeParameter)]


def test_one_text_for_kernels_of_several_sizes() -> None:
    made = made_kernels(growing(), REFERENCE)
    found = shared(made)
    assert list(found) == list(made) and len({kernel.source for kernel in found.values()}) == 1
    (entry,) = {kernel.entry for kernel in found.values()}
    assert entry not in made and all(f" {entry}(" in kernel.source for kernel in found.values())
    assert {k for kernel in found.values() for k in sizes_of(kernel)} >= set(ROWS)
    assert all(kernel.code.geometry == made[name].code.geometry for name, kernel in found.items())


def test_who_is_apart_or_alone_keeps_its_text() -> None:
    made = made_kernels(growing(), REFERENCE)
    first, *others = made
    found = shared(made, {first})
    assert found[first] == made[first] and found[others[0]].entry == found[others[1]].entry != others[0]
    assert shared(made, others) == made


def test_kernels_of_the_same_text_share_it() -> None:
    """What differs may be in tensor maps and grids alone."""
    ((name, kernel),) = made_kernels(growing((100,)), REFERENCE).items()
    twin = MadeKernel(kernel.source.replace(name, "k_twin"), "k_twin", kernel.code)
    found = shared({name: kernel, "k_twin": twin})
    assert len({each.entry for each in found.values()}) == 1 == len({each.source for each in found.values()})
    assert not any(sizes_of(each) for each in found.values())


def of_depths(*depths: int) -> dict[str, MadeKernel]:
    """Products that differ in rows and in steps of k."""
    return {
        name: kernel
        for count, depth in zip(ROWS, depths, strict=False)
        for name, kernel in made_kernels(growing((count,), depth), REFERENCE).items()
    }


def entries(made: dict[str, MadeKernel]) -> set[str]:
    return {kernel.entry for kernel in shared(made).values()}


def test_kernels_share_code_where_the_main_loop_loads_several_tiles_along_k() -> None:
    assert len(entries(of_depths(160, 192, 256))) == 1


def test_kernels_without_such_a_loop_are_made_for_their_tiles_along_k() -> None:
    assert len(entries(of_depths(32, 64))) == 2


def test_kernels_whose_last_tile_ends_early_share_code_and_check_that_tile_alone() -> None:
    made = of_depths(144, 176)
    assert len(entries(made)) == 1
    for kernel in made.values():
        assert "(!last || k < K)" in kernel.source
        assert re.search(r"copy_b\(stage, stage \* BLOCK_K, 0, 1, false\);", kernel.source)


def test_too_many_sizes_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_kernels(growing(), REFERENCE)
    monkeypatch.setattr("glassrt.codegen.plan.sharing.MOST_SIZES", 0)
    assert shared(made) == made


def test_numbers_before_the_kernel_are_its_own() -> None:
    """What stands before the kernel, as members of a group do, cannot see the parameters of the kernel."""

    def made(name: str, size: int) -> MadeKernel:
        (kernel,) = made_kernels(growing(ROWS[:1]), REFERENCE).values()
        helper = f"GLASS_DEVICE int far(int i) {{ return i * {size}; }}\n"
        return MadeKernel(f"{helper}GLASS_KERNEL(1, 1) {name}(int x0) {{\n}}\n", name, kernel.code)

    assert shared({"a": made("a", 3), "b": made("b", 5)}) == {"a": made("a", 3), "b": made("b", 5)}


def test_bodies_of_custom_ops_share_code() -> None:
    """Though their functions are in a namespace that is named after the kernel."""
    nodes = [node("Scaled", ["x"], "a"), node("Concat", ["a", "a"], "b", axis=1), node("Scaled", ["b"], "y")]
    plan = glassrt.compile(custom_model(nodes, (3, 24)), target="host")
    texts = [text for name, text in plan.sources.items() if "scaled" in name]
    assert len(texts) == 2 and len(set(texts)) == 1
    with glassrt.load(plan, "host") as engine:
        found = engine.run({"x": drawn(3, 24)})["y"]
    np.testing.assert_array_equal(found, np.tile(drawn(3, 24) * 4, 2))


def mixed() -> ModelProto:
    """Convolutions, depthwise ones too, and pools of several sizes; their kernels share code."""
    net = OnnxNet(5)
    x = net.input("image", 1, 8, 24, 24)
    for channels in (8, 16, 32):
        x = net.relu(net.conv(x, channels, channels, 3, group=channels, strides=[2, 2]))
        x = net.relu(net.conv(x, channels, channels, 1))
        x = net.relu(net.conv(x, channels, 2 * channels, 1))
    return net.done(x)


def test_strips_share_code_whatever_their_channels_lines_and_strides() -> None:
    net, shapes = OnnxNet(5), ((8, 20, 1), (48, 7, 1), (480, 9, 2))
    images = [net.input(f"x{size}", 1, channels, size, size) for channels, size, _ in shapes]
    layers = zip(images, shapes, strict=True)
    model = net.done(*(net.conv(x, c, c, 3, group=c, strides=[s, s]) for x, (c, _, s) in layers))
    settings = Settings(precision=as_policy("fp16"), disabled=APART, cache=None)
    manifest = build(model, settings).plan.manifest
    strips = {name: kernel["entry"] for name, kernel in manifest["kernels"].items() if "conv" in name}
    assert len(strips) == 3 and len(set(strips.values())) == 1


def test_means_share_code_whatever_their_lines() -> None:
    net, shapes = OnnxNet(5), ((40, 28), (96, 24))
    images = [net.input(f"x{size}", 1, channels, size, size) for channels, size in shapes]
    model = net.done(*(net.op("GlobalAveragePool", net.relu(x)) for x in images))
    settings = Settings(precision=as_policy("fp16"), disabled=APART, cache=None)
    kernels = build(model, settings).plan.manifest["kernels"]
    means = {name: kernel["entry"] for name, kernel in kernels.items() if "reduce" in name}
    assert len(means) == 2 and len(set(means.values())) == 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_results_are_the_same_bits(precision: str) -> None:
    image = np.random.default_rng(0).standard_normal((1, 8, 24, 24)).astype(np.float32)
    results: list[Any] = []
    for disabled in (frozenset({"enclose-depthwise"}), frozenset({"enclose-depthwise", RULE})):
        plan = build(mixed(), Settings(precision=as_policy(precision), disabled=disabled, cache=None)).plan
        again = Plan.from_bytes(plan.to_bytes())
        entries = {kernel.entry for kernel in again.spec.kernels.values()}
        assert (len(entries) < len(again.spec.kernels)) == (RULE not in disabled)
        (result,) = glassrt.load(again, device="host").run({"image": image}).values()
        results.append(result)
    np.testing.assert_array_equal(*results)


def test_what_spills_when_shared_is_compiled_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    module = growing()
    tried: list[set[str]] = []

    def compiled(_: Module, sources: Any, entries: dict[str, str], *rest: Any) -> dict[str, Any]:
        tried.append(set(entries.values()))
        if len(tried[-1]) == 1:
            raise UnfitError("spills", dict.fromkeys(sources, "spills"), REFERENCE.name)
        raise InterruptedError

    monkeypatch.setattr(assemble, "compiled_kernels", compiled)
    levels = dict.fromkeys(("graph", "fused", "precision"), "") | {"launch": print_module(module)}
    with pytest.raises(InterruptedError):
        assemble.assemble(module, levels, [], BuildOptions((REFERENCE,)))
    assert len(tried) == 2 and tried[1] == set(made_kernels(module, REFERENCE))
