"""The plan of one candidate: the kernel as the network has it, with memory of its own."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import BuildOptions, request_of, request_signature
from glassrt.compiler.memory.proofs.check_launch import check_launch
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.search.tuning.trial import EVICTING, MEASURED, TrialPlans
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.launch import kernels_in

from .small_launches import L2, launched, some_jobs

PLANS = TrialPlans(launched(), REFERENCE, L2, BuildOptions())


def test_it_is_the_kernel_of_the_network() -> None:
    for job in some_jobs():
        for candidate in job.candidates:
            module = PLANS.trial(job, candidate)
            verify(module, ALL_DIALECTS)
            check_launch(module)
            kernel = list(kernels_in(module.main.block))[MEASURED]
            assert request_signature(request_of(module, kernel, REFERENCE)) == job.signature
            assert (kernel.family, dict(kernel.config)) == (candidate.family, candidate.config)


def test_it_has_the_symbols_which_inputs_of_their_own_determine() -> None:
    job = some_jobs()[0]
    plan = PLANS.plan(job, job.candidates[0])
    assert plan.spec.symbols["N"].optimum == 4
    assert [each.name for each in plan.spec.inputs] == ["size_N", "x0", "x1"]


def test_a_launch_empties_the_cache_where_there_is_one() -> None:
    job = some_jobs()[0]
    plan = PLANS.plan(job, job.candidates[0])
    assert len(plan.spec.launches) == 2 and plan.spec.launches[EVICTING].op == "expand"
    written = plan.spec.buffers[plan.spec.launches[EVICTING].writes[0]]
    assert written.bytes == L2
    alone = TrialPlans(launched(), REFERENCE, 0, BuildOptions()).plan(job, job.candidates[0])
    assert len(alone.spec.launches) == 1 and len(alone.spec.outputs) == 1
