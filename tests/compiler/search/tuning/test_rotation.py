"""The programs that candidates are timed by."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import BuildOptions
from glassrt.compiler.search.tuning.rotation import (
    MOST_COPIES,
    Rotation,
    TrialMemory,
    operands_of,
    rotated,
    rotation_for,
)
from glassrt.compiler.search.tuning.trial import EVICTING, MEASURED, TrialPlans
from glassrt.runtime.program import BoundBuffer, Program, resolve

from .small_launches import L2, launched, some_jobs


def trial() -> Program:
    """The program of a trial: x and weights in, a result and what empties the cache out."""
    module, job = launched(), some_jobs()[0]
    plan = TrialPlans(module, REFERENCE, L2, BuildOptions()).plan(job, job.candidates[0])
    return resolve(plan.spec, module.values_at("optimum"))


def test_without_a_cache_one_launch_is_timed() -> None:
    assert rotation_for(0, 5.0, 0) == rotation_for(4096, 5.0, 0) == Rotation()


def test_warm_inputs_are_there_once() -> None:
    assert rotation_for(0, 20.0, L2) == Rotation(launches=20)


def test_copies_that_exceed_the_cache_keep_each_other_cold() -> None:
    found = rotation_for(L2 // 2, 100.0, L2)
    assert (found.copies, found.launches, found.evicts) == (4, 4, False)
    assert rotation_for(4 * L2, 100.0, L2) == Rotation(4, 1)


def test_small_cold_inputs_need_an_empty_cache() -> None:
    found = rotation_for(256, 5.0, L2)
    assert found == Rotation(MOST_COPIES, MOST_COPIES, evicts=True)


def test_launches_take_the_copies_in_turn() -> None:
    program = trial()
    memory = TrialMemory((("input", 1), ("input", 2), ("output", 0)), (0, 8192, 0))
    names = [buffer.name for buffer in operands_of(program, 3)]
    found = rotated(program, memory, Rotation(4, 2))
    places = [
        {a.name: (a.space, a.index, a.offset) for a in launch.arguments if isinstance(a, BoundBuffer)}
        for launch in found.launches
    ]
    assert [place[names[1]] for place in places] == [("input", 2, 0), ("input", 2, 8192)] * 2
    assert all(place[names[0]] == ("input", 1, 0) for place in places)
    assert found.inputs[2].bytes == 2 * 8192 and found.steps == (0, 1, 2, 3) and found.straight


def test_a_cache_is_emptied_first_and_the_surroundings_can_be_timed_alone() -> None:
    program = trial()
    memory = TrialMemory((("input", 1), ("input", 2), ("output", 0)), (0, 0, 0))
    rotation = Rotation(3, 3, evicts=True)
    found, around = rotated(program, memory, rotation), rotated(program, memory, rotation, measured=False)
    kernel, evict = program.launches[MEASURED].kernel, program.launches[EVICTING].kernel
    assert [launch.kernel for launch in found.launches] == [evict, kernel, kernel, kernel]
    assert around.launches == (program.launches[EVICTING],)
    assert len({program.symbols, found.symbols, around.symbols}) == 3  # graphs are kept by these


def test_launches_overlap_as_they_will() -> None:
    program = trial()
    without = replace(program, launches=tuple(replace(each, pdl=False) for each in program.launches))
    memory = TrialMemory((("input", 1), ("input", 2), ("output", 0)), (0, 0, 0))
    assert all(launch.pdl for launch in rotated(program, memory, Rotation(2)).launches)
    assert not any(launch.pdl for launch in rotated(without, memory, Rotation(2)).launches)
