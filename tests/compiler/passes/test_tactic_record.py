"""The ledger record of a tactic, and what reports say by it."""

from __future__ import annotations

from glassrt.compiler.passes.ledger import Record
from glassrt.compiler.passes.tactic_record import chosen_by, tactic_record
from glassrt.compiler.settings.tactics import Tactic

TACTIC = Tactic("mma", {"block_m": 64}, 1.5, 2.0, 4)


def test_it_has_the_times_of_the_tactic_and_survives_json() -> None:
    record = tactic_record(TACTIC, "k_conv_1", ("graph.conv",), ("conv0",))
    assert Record.from_json(record.to_json()) == record
    assert "mma block_m=64 is the fastest of 4 that were measured" in record.text()
    assert record.figures == {
        "kernel": "k_conv_1", "measured_us": 1.5, "model_measured_us": 2.0, "origin": "locked"
    }  # fmt: skip


def test_a_kernel_without_one_is_by_the_cost_model() -> None:
    records = [tactic_record(TACTIC, "k_conv_1", (), ())]
    assert chosen_by(records, "k_conv_2") == "by the cost model"
    assert chosen_by(records, "k_conv_1") == "by measurement, locked: 1.5 us, the cost model's choice 2.0 us"
    alone = tactic_record(Tactic("row", {}, 3.0, 0.0, 2, here=True), "k_row", (), ())
    assert chosen_by([alone], "k_row") == "by measurement, tuned: 3.0 us"
