"""How far outputs are from those in fp32, and how many labels are hit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.compiler.search.quality import Reference, added, sqnr
from glassrt.errors import InputError

SCORES = [np.array([[1, 2, 3], [3, 2, 1]], np.float32), np.array([[0, 5, 0]], np.float32)]
RUNS = [{"class": np.zeros(len(scores), np.int64), "scores": scores} for scores in SCORES]
LABELS = np.array([2, 1, 1])


def test_noise_is_that_of_all_batches_together() -> None:
    reference = Reference(RUNS)
    assert reference.names == ("scores",)  # whole numbers have no noise
    changed = [{**run, "scores": run["scores"] + np.float32(0.5)} for run in RUNS]
    power = sum(float(np.sum(scores**2)) for scores in SCORES)
    assert reference.quality(changed).noise == {"scores": pytest.approx(9 * 0.25 / power)}
    assert reference.quality(RUNS).sqnr == math.inf and reference.quality(RUNS).lost is None


def test_the_worst_output_counts_and_noise_adds_up() -> None:
    assert sqnr({"a": 1e-2, "b": 1e-4}) == pytest.approx(20)
    assert added([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 0.0}]) == {"a": 4.0, "b": 2.0}


def test_what_is_not_finite_in_one_network_alone_is_noise_without_end() -> None:
    odd = [{"y": np.array([[1.0, np.inf, np.nan]], np.float32)}]
    assert Reference(odd).quality(odd).sqnr == math.inf
    assert Reference(odd).quality([{"y": np.array([[1.0, 2.0, np.nan]], np.float32)}]).sqnr == -math.inf


def test_labels_are_counted() -> None:
    reference = Reference(RUNS, LABELS)
    assert reference.top1 == pytest.approx(200 / 3)
    better = [{**RUNS[0], "scores": np.array([[0, 0, 1], [0, 1, 0]], np.float32)}, RUNS[1]]
    assert reference.quality(better).lost == pytest.approx(-100 / 3)
    worse = [RUNS[0], {**RUNS[1], "scores": np.array([[9, 5, 0]], np.float32)}]
    assert reference.quality(worse).lost == pytest.approx(100 / 3)
    assert Reference(RUNS, np.append(LABELS, 0), partial=True).top1 == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (LABELS[:2], "there are 2 labels for 3 rows of 'scores'"),
        (np.append(LABELS, 0), "there are 4 labels for 3 rows"),
        (LABELS.astype(np.float32), "labels are float32"),
        (LABELS.reshape(1, 3), r"labels are int64\[1, 3\]"),
    ],
)
def test_labels_that_do_not_fit(labels: np.ndarray, problem: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=problem):
        Reference(RUNS, labels)


def test_a_network_without_floats_or_rows_of_scores() -> None:
    with pytest.raises(InputError, match="no output of the model is a float"):
        Reference([{"class": np.zeros(3, np.int64)}])
    with pytest.raises(InputError, match="no output of the model has a row of class scores"):
        Reference([{"y": np.zeros(3, np.float32)}], LABELS)
