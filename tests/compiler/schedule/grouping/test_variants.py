"""Variants: configurations of a launch with as many threads as others have, which compute the same."""

from __future__ import annotations

from functools import lru_cache

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import families
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.compiler.schedule.grouping.variants import MOST_VARIANTS, Variants
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.launch import Kernel
from glassrt.testing.net import Net

from ....property.groups import launches


@lru_cache(maxsize=1)
def kernels() -> tuple[Variants, dict[str, Kernel]]:
    """Launches of a loop, of rows and of a contraction, each by itself, by what computes them."""
    net = Net()
    x, rows = net.input("x", 64, 256), net.input("rows", 64, 96)
    ends = net.add(Tanh, rows), net.add(Softmax, rows, axis=1), net.add(Matmul, x, net.weights(256, 64))
    settings = Settings(precision=PrecisionPolicy("fp16", io="fp16"), disabled=frozenset({GROUP_LAUNCHES}))
    module = launch_level(net.done(*ends), settings, context_of(settings))
    return Variants(module, REFERENCE), {op.family.split("_")[0]: op for op in launches(module)}


def test_its_own_configuration_is_that_of_the_launch() -> None:
    variants, named = kernels()
    assert set(named) == {"loop", "row", "contraction"}
    for op in named.values():
        own = variants.own(op)
        assert own.candidate.config == op.config and own.code.geometry.block == op.block
        assert own.load.threads == op.block[0] and own.load.microseconds > 0
        assert own.load.saturates == families()[op.family].saturates
        assert variants.own(op) is own


def test_every_variant_has_the_threads_that_are_asked_for() -> None:
    variants, named = kernels()
    for op in named.values():
        sizes = [threads for threads in (32, 64, 128, 256) if variants.resized(op, threads)]
        assert op.block[0] in sizes and len(sizes) > 1, op.family
        for threads in sizes:
            found = variants.resized(op, threads)
            assert len(found) <= MOST_VARIANTS
            assert {each.code.geometry.block[0] for each in found} == {threads}
            times = [each.candidate.microseconds for each in found]
            assert times == sorted(times) and all(each.joinable for each in found)


def test_a_tile_of_the_same_threads_stays_for_another_would_add_up_in_another_order() -> None:
    variants, named = kernels()
    product = named["contraction"]
    assert families()[product.family].accumulation.tiled
    (kept,) = variants.resized(product, product.block[0])
    assert kept.candidate.config == variants.own(product).candidate.config
