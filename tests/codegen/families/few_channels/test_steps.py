"""Instructions along k and the loads for them."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.few_channels.config import Patch
from glassrt.codegen.families.few_channels.steps import LoadSpec, StepSpec, loads_of, steps_of

from .layers import STEM, image

PITCH = 1024
PATCH = Patch(lines=21, chunks=PITCH // 16)


def test_steps_take_chunks_in_pairs() -> None:
    """Matrices are in the order of their places: lines of four chunks. The second row of outputs begins two
    lines below the first one, and shares five of its seven lines."""
    steps, places = steps_of(image(STEM), PATCH)
    assert steps[:3] == (StepSpec((0, 8, 1, 9)), StepSpec((2, 10, 3, 11)), StepSpec((4, 12, 5, 13)))
    assert places == tuple(line * PITCH + chunk * 16 for line in range(9) for chunk in range(4))
    assert len(steps) == image(STEM).steps and len(places) == image(STEM).matrices


def test_an_odd_chunk_comes_behind_the_first_one() -> None:
    odd = image(replace(STEM, window=(3, 5), pads=(1, 2, 1, 2)))
    steps, _ = steps_of(odd, PATCH)
    assert len(steps) == odd.steps == 5
    assert steps[-1] == StepSpec((0, 6, 8, 14))  # the last chunk of the third line, and of the fifth one


def test_lines_of_a_patch_may_lie_in_planes() -> None:
    """Every fourth line behind the one before it; chunks of a line stay together, so that loads are alike."""
    planes = Patch(lines=37, chunks=PITCH // 16, planes=4)
    steps, places = steps_of(image(STEM), planes)
    assert steps == steps_of(image(STEM), PATCH)[0]
    firsts = (0, 10, 20, 30, 1, 11, 21, 31, 2)
    assert places == tuple(line * PITCH + chunk * 16 for line in firsts for chunk in range(4))
    assert len(loads_of(places)[1]) == 1


def test_loads_bring_four_matrices_in_few_patterns() -> None:
    _, places = steps_of(image(STEM), PATCH)
    loads, patterns = loads_of(places)
    assert loads == tuple(LoadSpec(line * PITCH, 0) for line in range(9)) and patterns == ((16, 32, 48),)


def test_the_last_load_may_bring_some_again() -> None:
    assert loads_of((0, 16, 64, 80, 128)) == ((LoadSpec(0, 0), LoadSpec(128, 1)), ((16, 64, 80), (0, 0, 0)))
