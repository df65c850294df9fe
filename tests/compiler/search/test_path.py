"""The way from eight bits to fp16: which op leaves first."""

from __future__ import annotations

import pytest
from glassrt.compiler.search.candidates import MixtureCandidate
from glassrt.compiler.search.path import Mixture, Path
from glassrt.compiler.search.sensitivity import OpSensitivity
from glassrt.compiler.search.trials import Times


def op(number: int, **noise: float) -> OpSensitivity:
    """The candidate of one node, with its noise by format."""
    node = f"n{number}"
    return OpSensitivity(
        MixtureCandidate((node,), (node,), ("matmul",)), {key: {"y": n} for key, n in noise.items()}
    )


class Model:
    """A cost model: microseconds of each op by format, and how often it was asked."""

    def __init__(self, *times: dict[str, float], alone: float = 0.0) -> None:
        self.table = times
        self.alone = alone  # what an op in eight bits costs besides when the one before it is not
        self.asked: set[Mixture] = set()

    def __call__(self, mixture: Mixture) -> Times:
        self.asked.add(mixture)
        by_node = {}
        for number, form in enumerate(mixture):
            by_node[f"n{number}"] = self.table[number][form or "fp16"]
            if form is not None and number and mixture[number - 1] is None:
                by_node[f"n{number}"] += self.alone
        return Times(round(sum(by_node.values()), 3), by_node)


def test_what_costs_least_time_per_noise_leaves_first() -> None:
    model = Model({"int8": 1, "fp16": 2}, {"int8": 1, "fp16": 2}, {"int8": 1, "fp16": 1.1})
    path = Path([op(0, int8=1e-5), op(1, int8=1e-2), op(2, int8=1e-4)], ("int8",), model)
    steps = list(path.steps())
    assert [step.move for step in steps] == [None, (1, None), (2, None), (0, None)]
    assert [step.microseconds for step in steps] == pytest.approx([3, 4, 4.1, 5.1])
    assert steps[0].mixture == ("int8",) * 3 and steps[-1].mixture == path.base


def test_what_saves_no_time_leaves_before_all_others() -> None:
    model = Model({"int8": 1, "fp16": 9}, {"int8": 3, "fp16": 2}, {"int8": 1, "fp16": 2})
    path = Path([op(0, int8=1e-1), op(1, int8=1e-9), op(2, int8=1e-3)], ("int8",), model)
    first, second, *_ = path.steps()
    assert (second.move, second.costs) == ((1, None), pytest.approx(-1))
    assert first.microseconds > second.microseconds


def test_each_op_begins_in_its_faster_format_and_the_finer_of_equals() -> None:
    model = Model(
        {"int8": 2, "fp8": 1, "fp16": 4}, {"int8": 1, "fp8": 1, "fp16": 4}, {"int8": 1, "fp8": 1, "fp16": 4}
    )
    ops = [op(0, int8=1e-4, fp8=1e-3), op(1, int8=1e-4, fp8=1e-3), op(2, int8=1e-2, fp8=1e-3)]
    steps = list(Path(ops, ("int8", "fp8"), model).steps())
    assert steps[0].mixture == ("fp8", "int8", "fp8")
    assert (0, "int8") in [step.move for step in steps]  # on its way to fp16 it passes the finer format


def test_an_op_that_has_no_eight_bits_stays() -> None:
    model = Model({"int8": 1, "fp16": 2}, {"fp16": 5}, {"int8": 1, "fp16": 2})
    path = Path([op(0, int8=1e-3), op(1), op(2, int8=1e-2)], ("int8", "fp8"), model)
    assert [step.mixture for step in path.steps()] == [
        ("int8", None, "int8"),
        ("int8", None, None),
        (None, None, None),
    ]


def test_neighbours_are_taken_into_account_without_building_everything() -> None:
    """An op behind one in fp16 pays for a conversion, so that leaving together is cheaper than it looks."""
    count = 12
    model = Model(*({"int8": 1.0, "fp16": 1.5} for _ in range(count)), alone=1.0)
    path = Path([op(n, int8=1e-3 * (1 + n % 3)) for n in range(count)], ("int8",), model)
    steps = list(path.steps())
    assert len(steps) <= count + 1 and steps[-1].mixture == path.base
    for step in steps:
        assert step.microseconds == model(step.mixture).total
    assert len(model.asked) <= 3 * count + 4


def test_an_exact_op_is_the_last_to_leave() -> None:
    model = Model({"int8": 1, "fp16": 1.1}, {"int8": 1, "fp16": 9})
    path = Path([op(0, int8=0.0), op(1, int8=1e-3)], ("int8",), model)
    assert [step.move for step in path.steps()] == [None, (1, None), (0, None)]
