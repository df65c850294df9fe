"""The fastest mixture that a budget allows: on a network that was measured, and on tables of times."""

from __future__ import annotations

from functools import lru_cache

import glassrt
import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.search.budget import Budget
from glassrt.compiler.search.quality import Reference
from glassrt.compiler.search.record import outcome, records_of
from glassrt.compiler.search.search import Found, search
from glassrt.compiler.search.sensitivity import WIDE as EXACT
from glassrt.compiler.search.sensitivity import calibrated, measured
from glassrt.compiler.search.trials import MixtureTrials, load_model

from ...places import DIGITS
from .by_table import Network

IMAGES = np.load(DIGITS.with_name("digits_test.npz"))
DATA = [{"image": IMAGES["image"][:60]}]
LABELS = IMAGES["label"][:60]


class Digits:
    """Searches on the digits network that share what they measure."""

    def __init__(self) -> None:
        module = load_model(DIGITS, None, None)
        table = calibrated(MixtureTrials(module, Settings(cache=None), DATA), "entropy", None)
        self.trials = MixtureTrials(module, Settings(cache=None, calibration=table), DATA)
        self.reference = Reference(list(self.trials.outputs(EXACT)), LABELS)
        self.known = measured(self.trials, self.reference, BASE, ("int8", "fp8"))

    def search(self, budget: str) -> Found:
        return search(self.trials, BASE, Budget.parse(budget), self.reference, known=self.known)


BASE = glassrt.PrecisionPolicy("fp16")


@lru_cache(maxsize=1)
def digits() -> Digits:
    return Digits()


def test_a_mixture_is_within_the_budget_and_faster_than_fp16() -> None:
    found = digits().search("sqnr=30")
    assert found.holds and found.chosen.microseconds < found.plain.microseconds
    assert found.chosen.quality is not None and found.chosen.quality.sqnr >= 30
    assert 0 < found.chosen.count("int8") < 7
    # Estimates of the first order are near what was measured.
    for point in found.points:
        if point.quality is not None:
            assert point.estimated == pytest.approx(point.quality.sqnr, abs=2)
    records = [record for record in records_of(found) if record.rule == "precision-search"]
    reasons = {record.reason for record in records if record.verdict is Verdict.REFUSED}
    assert any(reason.startswith("stays in fp16: ") for reason in reasons)


def test_a_larger_ratio_is_never_faster() -> None:
    found = [digits().search(f"sqnr={value}") for value in (20, 35, 50, 62)]
    times = [each.chosen.microseconds for each in found]
    assert times == sorted(times) and times[0] < times[-1] == found[0].plain.microseconds
    assert all(each.holds for each in found)
    kept = [record.reason for record in records_of(found[2]) if record.verdict is Verdict.REFUSED]
    assert any("dB alone in int8" in reason and "miss the budget sqnr=50" in reason for reason in kept)
    assert any(reason.endswith("in fp16: not measured: its estimate is too low") for reason in kept)


def test_top1_is_counted() -> None:
    found = digits().search("top1=1")
    assert found.top1 is not None and found.top1 > 90
    assert found.chosen.quality is not None and found.chosen.quality.lost is not None
    assert found.chosen.quality.lost <= 1 and found.chosen.microseconds < found.plain.microseconds


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("sqnr=200", "which does not meet the budget sqnr=200"),
        ("sqnr=60", "no mixture tried is faster by the cost model"),
    ],
)
def test_a_budget_that_no_mixture_meets_gives_fp16_and_says_so(budget: str, words: str) -> None:
    found = digits().search(budget)
    assert found.chosen is found.plain and not any(found.chosen.mixture)
    assert found.policy == BASE and words in outcome(found)
    records = [record for record in records_of(found) if record.rule == "precision-search"]
    assert len(records) == 7 and all(record.reason.startswith("stays in fp16") for record in records)


def test_a_quiet_op_is_found_though_the_way_leaves_it_first() -> None:
    """Beside both others 'c' saves nothing, and one of the others alone is slower than none."""
    times = {"": 10.0, "a": 11.0, "b": 11.0, "c": 9.0, "ab": 4.9, "ac": 11.0, "bc": 11.0, "abc": 5.0}
    found = Network(times, a=20, b=21, c=40).search("sqnr=30")
    assert found.chosen.mixture == (None, None, "int8") and found.holds
    assert found.chosen.microseconds == 9 < found.plain.microseconds


def test_half_is_kept_where_the_estimate_of_the_whole_was_too_high() -> None:
    times = {"": 10.0, "a": 9.0, "b": 9.0, "ab": 8.0}
    found = Network(times, together=6.0, a=36, b=37).search("sqnr=32")
    assert found.chosen.mixture == (None, "int8") and found.holds
