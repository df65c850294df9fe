"""What the ledger says of a search: why every op has its format."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.search.record import outcome, records_of
from glassrt.compiler.search.search import Found

from .by_table import Network


def kept(found: Found) -> dict[str, str]:
    return {record.nodes[0]: record.reason for record in records_of(found) if record.nodes}


@pytest.mark.parametrize("budget", ["sqnr=45", "sqnr=50"])
def test_what_is_beyond_the_budget_alone_is_not_said_to_save_no_time(budget: str) -> None:
    times = {"": 10.0, "a": 9.0, "b": 10.0, "ab": 9.0}
    found = Network(times, a=40, b=60).search(budget)
    assert found.chosen is found.plain
    assert "is estimated to miss" in kept(found)["a"]
    assert kept(found)["b"] == "stays in fp16: eight bits would save no time in this mixture"


TIMES = {"": 10.0, "a": 11.0, "b": 11.0, "c": 9.0, "ab": 4.9, "ac": 11.0, "bc": 11.0, "abc": 5.0}


def test_an_op_is_said_to_run_in_its_format_or_why_it_does_not() -> None:
    found = Network(TIMES, a=20, b=21, c=40).search("sqnr=30")
    missed = "a mixture with it is estimated to miss the budget sqnr=30"
    assert kept(found) == {
        "a": f"stays in fp16: 20.0 dB alone in int8; {missed}",
        "b": f"stays in fp16: 21.0 dB alone in int8; {missed}",
        "c": "runs in int8: 40.0 dB alone, and the mixture meets the budget sqnr=30",
    }
    assert outcome(found) == "1 in int8, 0 in fp8, 2 in fp16: 40.0 dB measured, 1.00 us saved"
    verdicts = {record.nodes[0]: record.verdict for record in records_of(found) if record.nodes}
    assert verdicts == {"a": Verdict.REFUSED, "b": Verdict.REFUSED, "c": Verdict.TAKEN}


def test_a_mixture_that_was_measured_in_vain_is_the_reason_of_an_op_that_it_lost() -> None:
    found = Network({"": 10.0, "a": 9.0, "b": 9.0, "ab": 8.0}, together=6.0, a=36, b=37).search("sqnr=32")
    assert "a mixture with it was measured and misses the budget sqnr=32" in kept(found)["a"]


def test_points_of_the_front_have_times_formats_and_noise() -> None:
    found = Network(TIMES, a=20, b=21, c=40).search("sqnr=30")
    points = [record for record in records_of(found) if record.rule == "precision-mixture"]
    (taken,) = (record for record in points if record.verdict is Verdict.TAKEN)
    assert taken.figures["microseconds"] == 9 and taken.figures["sqnr_measured_db"] == 40
    assert (taken.figures["ops_int8"], taken.figures["ops_fp16"]) == (1, 2)
    times = [float(record.figures["microseconds"]) for record in points]
    assert times == sorted(times) and {4.9, 9.0, 10.0} <= set(times)
    fastest = points[0]
    assert fastest.verdict is Verdict.REFUSED and "its estimate is too low" in fastest.reason
    assert fastest.figures["sqnr_estimated_db"] == pytest.approx(17.46, abs=0.01)  # noise of 20 and of 21 dB
    plain = next(record for record in points if record.figures["ops_fp16"] == 3)
    assert "sqnr_measured_db" not in plain.figures  # without noise, and no number


def test_a_base_that_misses_the_budget_is_said_for_every_op() -> None:
    found = Network({"": 10.0, "a": 9.0}, a=40, base=25).search("sqnr=30")
    assert not found.holds
    assert kept(found) == {"a": "stays in fp16: even plain fp16 misses the budget sqnr=30"}
    assert outcome(found) == "plain fp16: 25.0 dB with it, which does not meet the budget sqnr=30"
