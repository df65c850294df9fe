"""Branches and loops on a real GPU: unrolled, as conditional nodes, and read back."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.cuda_graph import NoConditionalNodes
from glassrt.runtime.cuda_session import CudaSession
from glassrt.runtime.discovery import present_target

from .tiny_control import CASES, INPUTS, check_case, control_plan
from .tiny_plans import real_headers


def on_gpu(name: str, *, setter: bool = True) -> Engine:
    """An engine for the plan of a case, compiled for the GPU that is here."""
    target = present_target()
    assert target is not None
    plan: Plan = control_plan(CASES[name], setter)
    kernels = compile_kernels(plan.sources, target, real_headers(), None)
    cubins = {target: {kernel: compiled.cubin for kernel, compiled in kernels.items()}}
    made = control_plan(
        CASES[name], setter, lambda manifest: manifest.update(targets=[target]), cubins=cubins
    )
    return load(made, "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("name", CASES)
def test_the_graph_gives_what_is_wanted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("conditions were read back")

    monkeypatch.setattr(CudaSession, "_walk", refuse)
    with on_gpu(name) as engine:
        for x, n, p in INPUTS * 3:
            check_case(engine, name, x, n, p)


@pytest.mark.gpu
@pytest.mark.parametrize("name", CASES)
def test_conditions_can_be_read_back(name: str) -> None:
    with on_gpu(name, setter=False) as engine:
        for x, n, p in INPUTS:
            check_case(engine, name, x, n, p)


@pytest.mark.gpu
def test_a_driver_without_conditional_nodes_reads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(self: CudaSession, *arguments: object) -> None:
        raise NoConditionalNodes

    monkeypatch.setattr(CudaSession, "_built", lacks)
    with on_gpu("while") as engine:
        for x, n, p in INPUTS:
            check_case(engine, "while", x, n, p)


@pytest.mark.gpu
def test_launches_in_a_while_loop_can_be_profiled_and_timed() -> None:
    with on_gpu("branch in a while") as engine:
        inputs = {"x": INPUTS[0][0], "n": np.array(0), "p": np.array(True)}
        assert all(record.microseconds > 0 for record in engine.profile(inputs, 3)[:3])
        assert min(engine.time(inputs, 5)) > 0
