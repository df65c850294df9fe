"""Constraints: what they say, and that the algebra, its tables and the runtime say the same."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate, substitute, to_json
from glassrt.dialects.core.constraints import (
    ARITIES,
    RELATIONS,
    Constraint,
    Derived,
    apply,
    at_least,
    broken,
    equal,
    substituted,
    with_derived,
)
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.values import Values
from glassrt.runtime.expressions import evaluate as run_time
from glassrt.runtime.sizes import ConstraintSpec
from hypothesis import given
from hypothesis import strategies as st

N, M, T = symbol("N"), symbol("M"), symbol("T")
DIMS = st.sampled_from([N, M, N + 2, 2 * N, N * M, floordiv(N, 2), floordiv(N + M, 3), 1, 3, N - M])
SIZES = st.fixed_dictionaries({"N": st.integers(0, 9), "M": st.integers(0, 9)})


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (N - 7, "N >= 7"),
        (10 - N, "10 >= N"),
        (4 * N - 6, "N >= 2"),
        (N - 2 * M - 1, "N >= 2*M+1"),
        (2 * N - 4 * M + 3, "N+1 >= 2*M"),
        (3, "3 >= 0"),
        (-3, "0 >= 3"),
    ],
)
def test_what_is_at_least_zero_reads_well(dim: Dim, text: str) -> None:
    assert str(at_least(dim)) == text


def test_equations_read_well() -> None:
    assert str(equal(T - 2 * floordiv(T, 2))) == "T == 2*floordiv(T, 2)"
    assert str(equal(N - 8)) == "N == 8"


@given(DIMS, DIMS, SIZES)
def test_a_constraint_says_what_it_was_made_of(left: Dim, right: Dim, sizes: dict[str, int]) -> None:
    value = evaluate(left - right, sizes)
    assert at_least(left - right).holds(sizes) == (value >= 0)
    assert equal(left - right).holds(sizes) == (value == 0)


@pytest.mark.parametrize(
    ("relation", "true", "false"),
    [
        ("==", [(3, 3), (0, 0)], [(1, 3), (3, 1)]),
        (">=", [(3, 3), (4, 3)], [(2, 3)]),
        ("broadcasts", [(3, 3), (1, 3), (3, 1), (0, 1)], [(2, 3), (0, 2)]),
        ("stretches", [(3, 3), (1, 3), (1, 0)], [(3, 1), (2, 3), (0, 1)]),
    ],
)
def test_relations(relation: str, true: list[tuple[int, int]], false: list[tuple[int, int]]) -> None:
    for pairs, wanted in ((true, True), (false, False)):
        for left, right in pairs:
            assert Constraint(left, relation, right).holds({}) is wanted  # type: ignore[arg-type]


@given(DIMS, DIMS, st.sampled_from(RELATIONS), SIZES)
def test_tables_and_the_runtime_agree(left: Dim, right: Dim, relation: str, sizes: dict[str, int]) -> None:
    constraint = Constraint(left, relation, right)  # type: ignore[arg-type]
    wanted = constraint.holds(sizes)
    spec = ConstraintSpec(to_json(left), relation, to_json(right), "", "", ())  # type: ignore[arg-type]
    assert spec.holds(sizes) == wanted
    module = Module("net", symbols={name: SymbolRange(v, v, v) for name, v in sizes.items()})
    module.constraints.append(constraint)
    table = Values(module).table({"N", "M"})
    assert table is not None and (len(table["N"]) == 1) == wanted


@given(st.sampled_from(sorted(ARITIES)), st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_derived_values_agree(function: str, numbers: list[int]) -> None:
    operands = tuple(symbol(name) for name in "ABC"[: ARITIES[function]])
    values = dict(zip("ABC", numbers, strict=True))
    definition = Derived(function, operands)
    wanted = definition.value(values)
    assert wanted == apply(function, tuple(numbers[: len(operands)]))
    assert run_time([function, *map(to_json, operands)], values) == wanted  # type: ignore[list-item]
    module = Module("net", symbols={name: SymbolRange(v, v, v) for name, v in values.items()})
    module.symbols["S0"] = SymbolRange(-9, 0, 9)
    module.derived["S0"] = definition
    table = Values(module).table({"S0"})
    assert table is not None and np.array_equal(table["S0"], [wanted])


def test_derived_symbols_may_depend_on_derived_ones() -> None:
    derived = {"S0": Derived("min", (N, 10)), "S1": Derived("max", (symbol("S0") - 3, 0))}
    assert with_derived(derived, {"N": 20}) == {"N": 20, "S0": 10, "S1": 7}
    assert with_derived(derived, {"N": 2}) == {"N": 2, "S0": 2, "S1": 0}


def test_the_first_broken_constraint() -> None:
    given_ = [at_least(N - 2), at_least(N - 4)]
    assert broken(given_, {"N": 5}) is None
    assert broken(given_, {"N": 3}) == given_[1]


@given(DIMS, DIMS, st.sampled_from(RELATIONS), SIZES)
def test_substitution_keeps_the_meaning(left: Dim, right: Dim, relation: str, sizes: dict[str, int]) -> None:
    constraint = Constraint(left, relation, right)  # type: ignore[arg-type]
    replaced = {"N": 2 * T + 1}
    changed = substituted(constraint, replaced)
    values = {**sizes, "T": sizes["N"]}
    own = {**values, "N": evaluate(substitute(N, replaced), values)}
    assert changed.holds(values) == constraint.holds(own)
