"""Every decision about sizes is on record."""

from __future__ import annotations

from glassrt.compiler.driver.size_records import CONSTRAIN, DERIVE, DETERMINE, record_sizes
from glassrt.compiler.passes.ledger import Ledger
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.constraints import Derived, Determined, at_least
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import Module, SymbolRange


def test_sizes_are_recorded_with_their_nodes() -> None:
    n = symbol("N")
    module = Module(symbols={"N": SymbolRange(1, 2, 8), "S": SymbolRange(1, 2, 4)})
    module.determined["M"] = Determined(2 * n, "it is reshaped", Location(("a",)))
    module.derived["S"] = Derived("min", (n, 4))
    module.constraints.append(at_least(n - 3, "rows are enough", Location(("b", "c"))))
    ledger = Ledger()
    record_sizes(module, ledger)
    found = [(record.rule, record.reason, tuple(record.nodes)) for record in ledger]
    assert found == [
        (DETERMINE, "M = 2*N: it is reshaped", ("a",)),
        (DERIVE, "S = min(N, 4), in 1..4", ()),
        (CONSTRAIN, "N >= 3: rows are enough", ("b", "c")),
    ]
