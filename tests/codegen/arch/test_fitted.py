"""Constants of cost models: all are asked of the target, which says where they were fitted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from glassrt.codegen.arch.fitted import Fitted
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.passes.ledger import ESTIMATED, TIME, Ledger
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.summary import summarize
from glassrt.testing.net import Net

ROOT = Path(__file__).parents[3]
DECIDES = (
    *("codegen/families", "compiler/fusion", "compiler/kernels"),
    *("compiler/memory", "compiler/patterns", "compiler/schedule", "compiler/search"),
)
# Numbers that no measurement of a GPU could change.
OF_NO_MACHINE = {
    ("codegen/families/attention/problem.py", "STEPS"),  # whose reciprocals are exact
    ("codegen/families/contraction/cost.py", "UNITS_NORM"),  # the order of a norm
    ("codegen/families/few_channels/cost.py", "NORM"),
    ("codegen/families/gemv/cost.py", "NORM"),
    ("codegen/families/packed/cost.py", "NORM"),
    ("codegen/families/persistent/cost.py", "NORM"),  # the same
    ("codegen/families/inverted_residual/config.py", "LEAST_BUSY"),  # a share of threads
    ("codegen/families/inverted_residual/work.py", "FINISH"),  # a count of instructions
    ("codegen/families/attention/weights.py", "LARGEST"),  # of a float
    ("compiler/fusion/recurrent_weights.py", "LARGEST"),  # the same
    ("codegen/families/contraction/cost.py", "PHASES_NORM"),
    ("codegen/families/contraction/mma.py", "_SUMS"),  # how exact an instruction is
    ("codegen/families/persistent/family.py", "SUMS"),  # the same
    ("compiler/patterns/layouts.py", "CONVERSION_PASSES"),  # a count
    ("compiler/schedule/grouping/drafts.py", "_LEAST"),  # against rounding, so that ties are ties
    ("compiler/search/budget.py", "MOST"),  # of qualities: decibels, and percent
    ("compiler/search/path.py", "WORTH"),  # how exact sums of expected times are
    ("compiler/search/path.py", "TIE"),
    ("compiler/search/search.py", "SLACK"),  # of noise, in dB
    ("compiler/search/tuning/agreement.py", "SLACK"),  # of roundings
    ("compiler/search/tuning/measure.py", "WORTH"),  # of noise
    ("compiler/search/tuning/operands.py", "INTEGER_DEVIATION"),  # of random numbers
    ("compiler/search/tuning/residence.py", "SHARE"),  # of a cache, whatever its size
    ("compiler/search/tuning/rotation.py", "ABOUT_US"),  # how long is measured
}


def float_constants() -> Iterator[tuple[str, str]]:
    """The module-level constants with a fraction, in tables too, of what decides by expected times: file
    and name."""
    paths = (path for folder in DECIDES for path in sorted((ROOT / folder).rglob("*.py")))
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and has_float(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield path.relative_to(ROOT).as_posix(), ast.unparse(targets[0])


def has_float(value: ast.expr | None) -> bool:
    nodes = ast.walk(value) if value is not None else ()
    return any(isinstance(node, ast.Constant) and isinstance(node.value, float) for node in nodes)


def test_no_time_or_rate_is_a_constant_of_a_module() -> None:
    assert set(float_constants()) == OF_NO_MACHINE


def test_the_reference_has_what_was_fitted_on_it() -> None:
    fitted = REFERENCE.fitted
    assert REFERENCE.estimated_from == ""
    assert fitted == Fitted(fitted.throughput)
    assert {fit.card for fit in fitted.fits.values()} == {REFERENCE.card.name}


@pytest.mark.parametrize("name", ["sm_80", "sm_90a:h100", "sm_120"])
def test_other_cards_are_estimated_from_it(name: str) -> None:
    """Load latencies keep their cycles, launch latencies their time, rates are the generation's."""
    arch = arch_named(name)
    slower = REFERENCE.clock / arch.clock
    assert arch.estimated_from == "h200"
    assert arch.fitted.row.element == pytest.approx(0.15 * slower)
    assert arch.fitted.strips.line == pytest.approx(REFERENCE.fitted.strips.line * slower)
    assert arch.fitted.row.launch == REFERENCE.fitted.row.launch
    assert arch.fitted.contraction == REFERENCE.fitted.contraction


def joined_siblings(target: str) -> Ledger:
    """The ledger of a net in which times decide whether siblings are joined."""
    net = Net()
    x = net.input("x", 1, 32, 8, 8)
    settings = Settings(targets=(arch_named(target),), cache=None)
    context = context_of(settings)
    launch_level(net.done(net.conv(x, 16), net.conv(x, 16)), settings, context)
    return context.ledger


def test_records_of_expected_times_say_where_they_were_measured() -> None:
    for target, cards in (("sm_90a", set()), ("sm_80", {"h200"})):
        ledger = joined_siblings(target)
        timed = [record for record in ledger if any(key.startswith(TIME) for key in record.figures)]
        assert (
            timed and {record.figures[ESTIMATED] for record in timed if ESTIMATED in record.figures} == cards
        )
        assert all(ESTIMATED in record.figures for record in timed) == bool(cards)
        assert not any(ESTIMATED in record.figures for record in ledger if record not in timed)


def test_the_summary_says_so_too() -> None:
    ledger = joined_siblings("sm_80")
    net = Net()
    facts = Facts(ledger, net.done(net.input("x", 4)))
    assert summarize(facts)["times_estimated_from"] == ["h200"]
