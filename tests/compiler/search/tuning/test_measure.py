"""Candidates measured: the fastest right one wins, within the time that there is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from threading import Event
from typing import Any, cast

import pytest
from glassrt.codegen.interface import Candidate
from glassrt.compiler.search.tuning.bench import Outputs
from glassrt.compiler.search.tuning.jobs import TuningJob
from glassrt.compiler.search.tuning.measure import STAGE, Ahead, Limit, Measured, measured
from glassrt.errors import CompileError, DeviceError, GlassError, KernelError
from glassrt.runtime.plan import Plan

from .small_launches import PLAIN, TableBench, some_jobs

ENDLESS = Limit(1e9)


def no_plan(job: TuningJob, candidate: Candidate) -> Plan:
    """What a bench of given times needs of a plan."""
    return cast(Plan, None)


def only(bench: TableBench, compile: Any = no_plan, most: int = 3) -> Measured:
    """The result for one job."""
    (found,) = measured(some_jobs(most)[:1], compile, bench, ENDLESS)
    return found


def test_the_fastest_wins_and_its_tactic_has_the_times() -> None:
    found = only(TableBench({0: 3.0, 1: 2.004, 2: 4.0}))
    tactic = found.tactic
    assert found.best == 1 and tactic is not None and tactic.is_of(found.job.candidates[1])
    assert (tactic.microseconds, tactic.model_microseconds, tactic.tried) == (2.0, 3.0, 3)
    assert tactic.origin == "tuned" and found.notes == []


def test_a_wrong_result_never_wins() -> None:
    bench = TableBench({0: 3.0, 1: 1.0, 2: 2.0}, wrong={1})
    found = only(bench)
    assert found.best == 2
    (note,) = found.notes
    assert f"is wrong, by the result of {PLAIN}" in note and note.endswith("64 of 64 elements differ")
    assert only(TableBench({0: 3.0, 1: 1.0, 2: 2.0}, wrong={1, 2})).best == 0


def test_only_what_may_win_is_checked() -> None:
    bench = TableBench({0: 3.0, 1: 2.0, 2: 4.0})
    only(bench)
    assert bench.log.count("outputs") == 2  # the reference and the fastest


def test_the_choice_of_the_model_stays_where_nothing_is_faster() -> None:
    found = only(TableBench({0: 1.0, 1: 1.0, 2: 1.0}))
    assert found.best == 0 and found.tactic is not None


def test_what_does_not_run_is_refused_and_the_others_go_on() -> None:
    found = only(TableBench({1: 2.0, 2: 3.0}, failing={0}))
    assert found.best == 1 and found.tactic is not None and found.tactic.model_microseconds == 0.0
    assert "does not run: it cannot be loaded" in found.notes[0]


@pytest.mark.parametrize("error", [CompileError("it spills"), KernelError("its family fails")])
def test_what_cannot_be_made_is_refused(error: GlassError) -> None:
    def compile(job: TuningJob, candidate: Candidate) -> Plan:
        if candidate == job.candidates[2]:
            raise error
        return no_plan(job, candidate)

    found = only(TableBench({0: 3.0, 1: 2.0, 2: 1.0}), compile)
    assert found.best == 1 and f"does not run: {error.message}" in found.notes[0]


def test_one_candidate_alone_decides_nothing() -> None:
    assert only(TableBench({0: 3.0}, failing={1, 2})).tactic is None


def test_less_than_noise_changes_nothing() -> None:
    assert only(TableBench({0: 3.0, 1: 2.99, 2: 4.0})).best == 0


def test_a_lost_device_ends_it_and_keeps_what_was_measured() -> None:
    """The second job's second candidate destroys the device."""
    jobs = some_jobs(3)

    class Losing(TableBench):
        def load(self, job: TuningJob, candidate: Candidate, plan: Plan) -> Any:
            if job is jobs[1] and candidate is job.candidates[1]:
                error = DeviceError("an illegal address")
                error.lost = True
                raise error
            return super().load(job, candidate, plan)

    first, second = measured([*jobs, jobs[0]], no_plan, Losing({0: 3.0, 1: 2.0, 2: 1.0}), ENDLESS)
    assert first.best == 2 and not first.lost
    assert second.lost and second.tactic is None and "an illegal address" in second.notes[0]


def test_results_that_cannot_be_fetched_refuse_their_candidate() -> None:
    class Failing(TableBench):
        def load(self, job: TuningJob, candidate: Candidate, plan: Plan) -> Any:
            trial = super().load(job, candidate, plan)
            if job.candidates.index(candidate) == 1:
                trial.outputs = no_memory  # type: ignore[method-assign]
            return trial

    found = only(Failing({0: 3.0, 1: 1.0, 2: 2.0}))
    assert found.best == 2 and "no memory" in found.notes[0]


def no_memory() -> Outputs:
    raise DeviceError("no memory")


def test_trials_are_unloaded_when_their_job_is_decided() -> None:
    bench = TableBench({0: 3.0, 1: 2.0, 2: 4.0})
    only(bench)
    assert bench.log[-3:] == ["close"] * 3


@pytest.mark.parametrize(("seconds", "results", "loads"), [(0.5, 0, 0), (2.5, 1, 2), (100.0, 2, 6)])
def test_the_time_limit_holds_and_what_was_begun_is_decided(seconds: float, results: int, loads: int) -> None:
    """The clock moves on by a second whenever it is asked: before each candidate, and after each job."""
    clock = count()
    bench = TableBench({0: 3.0, 1: 2.0, 2: 1.0})
    limit = Limit(seconds, lambda: float(next(clock)))
    found = list(measured(some_jobs(), no_plan, bench, limit))
    assert len(found) == results
    assert sum(entry.startswith("load") for entry in bench.log) == loads
    if loads == 2:
        assert found[0].best == 1  # of the two that ran


def test_progress_counts_candidates() -> None:
    told: list[tuple[str, int, int]] = []
    jobs = some_jobs(2)
    list(measured(jobs, no_plan, TableBench({0: 3.0, 1: 2.0}), ENDLESS, lambda *step: told.append(step)))
    assert told == [(STAGE, done, 4) for done in range(1, 5)]


def test_plans_come_in_order_and_are_compiled_ahead() -> None:
    second = Event()
    jobs = some_jobs(3)
    order: Sequence[Candidate] = [candidate for job in jobs for candidate in job.candidates]

    def compile(job: TuningJob, candidate: Candidate) -> Plan:
        if candidate is order[1]:
            second.set()
        elif candidate is order[0]:
            assert second.wait(30)  # it has begun before the first has ended
        return cast(Plan, candidate)

    with Ahead(jobs, compile) as plans:
        assert [cast(Candidate, plans.next().result()) for _ in order] == list(order)


def test_what_was_not_begun_is_dropped_when_it_is_left() -> None:
    begun: list[Candidate] = []
    hold = Event()

    def compile(job: TuningJob, candidate: Candidate) -> Plan:
        begun.append(candidate)
        hold.wait(30)
        return no_plan(job, candidate)

    jobs = some_jobs(3) * 40
    with Ahead(jobs, compile) as plans:
        plans.next()
        hold.set()
    assert len(begun) < 3 * len(jobs)
