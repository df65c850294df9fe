"""The kernel that hands conditions in memory to conditional nodes: in plans that need it, and only there."""

from __future__ import annotations

import glassrt
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.plan.setter import SETTER, SOURCE, setter_kernel
from glassrt.runtime.manifest import SETTER_PARAMETERS
from glassrt.runtime.manifest_arguments import parse_kernel

from ...e2e.test_control_flow import WHILE, model


def test_it_compiles_without_a_device_library() -> None:
    (kernel,) = compile_kernels({SETTER: SOURCE}, "sm_90a", {}, None).values()
    assert b"cudaGraphSetConditional" in kernel.cubin and kernel.spill_bytes == 0


def test_it_takes_what_the_runtime_passes() -> None:
    assert parse_kernel(SETTER, setter_kernel()).parameters == SETTER_PARAMETERS
    head = SOURCE.partition("__global__")[2].partition("{")[0]
    declared = [text.strip() for text in head.partition("(")[2].split(",")]
    kinds = [
        ("read" if text.startswith("const") else "write") if "*" in text else "scalar" for text in declared
    ]
    assert kinds == [parameter.kind for parameter in SETTER_PARAMETERS]


def test_a_plan_for_a_gpu_has_it_and_one_for_the_host_has_not() -> None:
    host = glassrt.compile(model(WHILE), target="host")
    assert host.spec.setter == "" and SETTER not in host.sources
    plan = glassrt.compile(model(WHILE), target="sm_90a")
    assert plan.spec.setter == SETTER and plan.cubins["sm_90a"][SETTER]


def test_a_plan_without_control_flow_has_none() -> None:
    text = "agraph (float[2,3] x) => (float[2,3] y) { y = Relu(x) }"
    assert glassrt.compile(model(text), target="sm_90a").spec.setter == ""
