"""Tables of all values: proofs by looking at each, where these are few."""

from __future__ import annotations

import itertools

import numpy as np
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.constraints import Derived, at_least, equal
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.proofs import Proofs
from glassrt.dialects.core.sizes.values import Values, closure, on_table
from hypothesis import given
from hypothesis import strategies as st

M, N = symbol("M"), symbol("N")
DIMS = st.sampled_from([N, M, N * M - 3, floordiv(N, M + 1), floordiv(2 * N + M, 3), N * N - M * M, 5])


def module(most: int = 6) -> Module:
    return Module("net", symbols={name: SymbolRange(1, 2, most) for name in "NM"})


@given(DIMS)
def test_a_table_has_the_value_at_every_row(dim: Dim) -> None:
    table = Values(module()).table({"N", "M"})
    assert table is not None and len(table["N"]) == 36
    rows = zip(table["N"].tolist(), table["M"].tolist(), strict=True)
    wanted = [evaluate(dim, {"N": n, "M": m}) for n, m in rows]
    assert np.array_equal(on_table(dim, table), wanted)


def test_constraints_filter_and_derived_symbols_are_columns() -> None:
    made = module()
    made.constraints.append(at_least(N - M))
    made.symbols["S0"] = SymbolRange(1, 2, 4)
    made.derived["S0"] = Derived("min", (N, 4))
    values = Values(made)
    table = values.table({"S0", "M"})
    assert table is not None and set(table) == {"N", "M", "S0"}
    assert (table["N"] >= table["M"]).all() and np.array_equal(table["S0"], np.minimum(table["N"], 4))
    assert closure({"S0"}, made) == {"S0", "N"}
    assert values.all_at_least_zero(symbol("S0") - floordiv(M, 2))


def test_what_constraints_say_of_a_derived_symbol_is_used_when_nothing_is_replaced_any_more() -> None:
    made = module()
    made.symbols["S0"] = SymbolRange(1, 2, 6)
    made.derived["S0"] = Derived("max", (N, M))
    made.constraints.append(equal(symbol("S0") - 2))
    table = Values(made, final=True).table({"N"})
    assert table is not None and set(table) == {"N"} and table["N"].max() == 6
    both = Values(made, final=True).table({"N", "M"})
    assert (
        both is not None and set(both) == {"N", "M"} and np.maximum(both["N"], both["M"]).tolist() == [2] * 3
    )
    open_ = Values(made).table({"N", "M"})
    assert open_ is not None and len(open_["N"]) == 36
    proofs = Proofs(made, final=True)
    assert proofs.proves(2 - N) and not Proofs(made).proves(1 - N)


def test_questions() -> None:
    values = Values(module())
    assert values.all_at_least_zero(N * N - N) and not values.all_at_least_zero(N - M)
    assert values.never_equal(2 * N, 2 * M + 1) and not values.never_equal(N, M)
    assert values.stretch(N, M) and not values.stretch(N + 1, M + 1) and not values.stretch(N, N)
    assert values.excluded() is None


def test_too_many_values_answer_nothing() -> None:
    values = Values(module(1 << 10))
    assert values.table({"N", "M"}) is None and values.table({"N"}) is not None
    assert not values.all_at_least_zero(N + M) and not values.never_equal(N, M + 2000)
    assert not values.stretch(N, M)


def test_no_values_at_all() -> None:
    made = module()
    made.constraints += [at_least(N - 4), at_least(3 - N)]
    assert Values(made).excluded() == made.constraints[0]
    assert Values(Module("net", constraints=[at_least(-1)])).excluded() == at_least(-1)


def test_a_constraint_that_is_false_of_its_own_is_the_reason() -> None:
    made = module()
    made.constraints += [at_least(N - 2), at_least(-1)]
    assert Values(made).excluded() == at_least(-1)


def test_what_was_looked_at_is_kept_until_something_changes() -> None:
    made = module()
    values = Values(made)
    assert not values.all_at_least_zero(N - 2)
    made.constraints.append(at_least(N - 2))
    assert not values.all_at_least_zero(N - 2)
    values.forget()
    assert values.all_at_least_zero(N - 2)


def test_every_value_is_there() -> None:
    table = Values(module(3)).table({"N", "M"})
    assert table is not None
    found = set(zip(table["N"].tolist(), table["M"].tolist(), strict=True))
    assert found == set(itertools.product(range(1, 4), repeat=2))
