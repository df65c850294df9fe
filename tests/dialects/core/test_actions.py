"""The grammar's actions."""

from __future__ import annotations

import pytest
from glassrt import IRError
from glassrt.dialects.core import actions, parser
from glassrt.dialects.core.affine import floordiv, symbol
from glassrt.dialects.core.parser import parse_size


def test_every_rule_has_an_action() -> None:
    """One without would leave a tree among the records."""
    rules = parser._grammar().rules
    named = {str(rule.alias or rule.origin.name) for rule in rules if not rule.options.expand1 or rule.alias}
    named = {name for name in named if not name.startswith("_")}
    assert {"module", "op", "added", "strided_layout"} <= named
    assert named <= set(vars(actions.Records))


def test_sums_and_products_are_worked_out() -> None:
    n, h = symbol("N"), symbol("h")
    assert parse_size("2*h - (N + 3)*-4") == 2 * h + 4 * n + 12
    assert parse_size("floordiv(N + 1, 2)*N") == floordiv(n + 1, 2) * n
    assert parse_size("7") == 7


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("floordiv(N, 0)", "floordiv by 0", 1),
        ("*".join(["(A + B)"] * 12), "too many terms", 64),
        ("N + true", "is not a symbolic integer", 3),
    ],
)
def test_what_has_no_meaning_is_marked(text: str, message: str, column: int) -> None:
    with pytest.raises(IRError, match=message) as caught:
        parse_size(text)
    span = caught.value.diagnostic.span
    assert span is not None and span.column == column
