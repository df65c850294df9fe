"""Trials on a device: here the host, whose times mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import BuildOptions, Candidate
from glassrt.compiler.search.tuning.bench import DeviceBench, shortest
from glassrt.compiler.search.tuning.jobs import TuningJob
from glassrt.compiler.search.tuning.trial import TrialPlans
from glassrt.runtime.device import Session, Value
from glassrt.runtime.host_backend import HostBackend
from glassrt.runtime.program import Program

from .small_launches import L2, launched, some_jobs

PLANS = TrialPlans(launched(), REFERENCE, 0, BuildOptions())
EVICTING = TrialPlans(launched(), REFERENCE, L2, BuildOptions())
SIZES = launched().values_at("optimum")


def job_of(cold: tuple[int, ...] = ()) -> TuningJob:
    return replace(some_jobs(2)[0], cold=cold)


def test_a_candidate_computes_and_takes_some_time() -> None:
    job = job_of()
    bench = DeviceBench(HostBackend(), SIZES, 0)
    results = []
    for candidate in job.candidates:
        trial = bench.load(job, candidate, PLANS.plan(job, candidate))
        assert trial.microseconds() > 0
        (y,) = trial.outputs()
        results.append(y.view(np.float32))
        trial.close()
    assert results[0].size == 4 * 32 and results[0].std() == pytest.approx(1.0, abs=0.3)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-5)


def test_what_surrounds_the_launches_is_taken_off() -> None:
    """A stopwatch that counts launches, and takes 100 us for the one that empties the cache."""
    seen: list[int] = []

    def watch(_: Session, program: Program, inputs: Sequence[Value], candidate: Candidate) -> float:
        seen.append(len(program.launches))
        evicts = program.launches[0].kernel != program.launches[-1].kernel or len(program.launches) == 1
        return 100.0 * evicts + 2.0 * (len(program.launches) - evicts)

    job = job_of(cold=(1,))
    bench = DeviceBench(HostBackend(), SIZES, 1 << 20, watch)
    trial = bench.load(job, job.candidates[0], EVICTING.plan(job, job.candidates[0]))
    assert trial.microseconds() == pytest.approx(2.0)
    assert seen == [1, 25]
    trial.close()


def test_the_shortest_time_counts() -> None:
    class Timed:
        def measure(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[float]:
            return [0.003, 0.002, 0.005][:repeats]

    job = job_of()
    program = cast(Program, None)
    assert shortest(cast(Session, Timed()), program, [], job.candidates[0]) == pytest.approx(2.0)


def test_candidates_of_a_job_get_the_same_inputs_and_those_of_the_next_others() -> None:
    bench = DeviceBench(HostBackend(), SIZES, 0)
    first, other = some_jobs(2)
    outputs = []
    for job in (first, first, other):
        trial = bench.load(job, job.candidates[0], PLANS.plan(job, job.candidates[0]))
        outputs.append(trial.outputs()[0])
        trial.close()
    assert np.array_equal(outputs[0], outputs[1]) and not np.array_equal(outputs[0], outputs[2])
