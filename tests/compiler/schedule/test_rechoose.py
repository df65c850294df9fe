"""Launches with other configurations: scratch memory follows, and all memory is proved right again."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import BuildOptions, Candidate, assemble, candidates, realize, request_of
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.memory.proofs.check_launch import check_launch
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.schedule.rechoose import rechoose
from glassrt.compiler.settings.options import Options
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.unary import Exp
from glassrt.dialects.launch import Kernel, kernels_in
from glassrt.runtime.plan import LEVELS
from glassrt.testing.net import Net


def products(streams: int) -> Module:
    """Two products of few rows and many terms side by side, for which splitting the sum may pay."""
    net = Net()
    x, z = net.input("x", 4, 2048), net.input("z", 4, 2048)
    values = [net.add(Matmul, net.add(Exp, each), net.weights(2048, 64)) for each in (x, z)]
    settings = Settings(options=Options(streams=streams), disabled=frozenset({"group-launches"}))
    return launch_level(net.done(*values), settings, context_of(settings))


def chosen(module: Module, scratch: bool) -> dict[Kernel, Candidate]:
    """A candidate for each product that adds up in a workspace, or one that does not."""
    found = {}
    for op in kernels_in(module.main.block):
        request = request_of(module, op, REFERENCE)
        fitting = (
            c for c in candidates(request) if bool(realize(request, c.family, c.config).scratch) == scratch
        )
        candidate = next(fitting, None)
        if candidate is not None and any(inner.name == "graph.matmul" for inner in op.body.block):
            found[op] = candidate
    return found


@pytest.mark.parametrize("streams", [1, 2])
def test_scratch_memory_comes_and_goes(streams: int) -> None:
    module = products(streams)
    before = [(op.location, op.stream, op.waits, op.pdl) for op in kernels_in(module.main.block)]
    for scratch in (True, False, True):
        wanted = chosen(module, scratch)
        assert len(wanted) == 2
        new = rechoose(module, wanted, REFERENCE)
        verify(module, ALL_DIALECTS)
        check_launch(module)
        assemble(module, dict.fromkeys(LEVELS, ""), [], BuildOptions())
        for op, candidate in wanted.items():
            assert (new[op].family, dict(new[op].config)) == (candidate.family, candidate.config)
            assert (new[op].scratch > 0) == scratch
        assert [(op.location, op.stream, op.waits, op.pdl) for op in kernels_in(module.main.block)] == before
