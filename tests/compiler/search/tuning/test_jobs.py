"""What is measured: every signature once, the most expensive first, and nothing that random inputs could
break."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import candidates
from glassrt.compiler.driver.build import context_of, launch_level
from glassrt.compiler.search.tuning.jobs import jobs_of, measurable
from glassrt.dialects.core.dtypes import I64
from glassrt.dialects.graph.indexing import Gather
from glassrt.testing.net import Net

from .small_launches import launched, settings, some_jobs


def test_each_signature_is_one_job_with_the_launches_that_have_it() -> None:
    module = launched(4)
    jobs = jobs_of(module, REFERENCE, 3, 0)
    assert [job.launches for job in jobs] == [3, 1]  # three with a ReLU, of equal cost, and one without
    assert jobs[0].weight > jobs[1].weight
    for job in jobs:
        assert job.candidates == tuple(candidates(job.request)[:3])


def test_signatures_that_are_known_are_left_out() -> None:
    first, *others = some_jobs()
    left = jobs_of(launched(), REFERENCE, 3, 0, {first.signature})
    assert [job.signature for job in left] == [job.signature for job in others]


def test_signatures_depend_on_the_kernel_alone() -> None:
    assert {job.signature for job in some_jobs()} == {
        job.signature for job in jobs_of(launched(4), REFERENCE, 2, 0)
    }


def test_what_is_cold_for_most_launches_counts() -> None:
    assert {job.cold for job in some_jobs(l2_bytes=16)} == {(0, 1)}


def test_kernels_that_read_positions_are_not_measured() -> None:
    net = Net()
    table, rows = net.input("t", 8, 4), net.input("i", 3, dtype=I64)
    module = net.done(net.add(Gather, table, rows, axis=0))
    launch = launch_level(module, settings(), context_of(settings()))
    assert list(measurable(launch)) == [] and jobs_of(launch, REFERENCE, 8, 0) == []
