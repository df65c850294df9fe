"""Facts about sizes: proved, determining a symbol, a constraint, or a conflict; nothing is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pytest
from glassrt.dialects.core.affine import Dim, ceildiv, evaluate, floordiv, substitute, symbol
from glassrt.dialects.core.constraints import Need, broken, with_derived
from glassrt.dialects.core.ir import Module, SymbolRange
from glassrt.dialects.core.sizes.sizes import Conflict, GivesWay, Resized, Sizes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

H, K, M, N, T = (symbol(name) for name in "HKMNT")
WHY = "something fits"


def known(defaults: str = "", **ranges: tuple[int, int, int]) -> Sizes:
    """Sizes of a module with symbols of these RANGES; nobody chose those of DEFAULTS."""
    module = Module("net", symbols={name: SymbolRange(*span) for name, span in ranges.items()})
    sizes = Sizes(module)
    sizes.defaults |= set(defaults)
    return sizes


def require(sizes: Sizes, *needs: Need) -> None:
    """Every need, again with symbols replaced whenever one is determined."""
    pending = list(needs)
    while pending:
        try:
            sizes.require(pending[0])
        except Resized as change:
            pending = [_replaced(need, change.values) for need in pending]
        else:
            pending.pop(0)


def _replaced(need: Need, values: Mapping[str, Dim]) -> Need:
    left, right = (substitute(dim, values) for dim in (need.left, need.right))
    return need._replace(left=left, right=right)


def constraints(sizes: Sizes) -> list[str]:
    return [str(each) for each in sizes.module.constraints]


# ---------------------------------------------------------------- proofs

SPAN = (1, 8, 64)
PROVED: dict[str, Dim] = {
    "a range": N - 1,
    "a product": M * N - N,
    "two divisions": floordiv(N + 1, 2) - floordiv(N, 2),
    "a division below": N - 2 * floordiv(N, 2),
    "a window of three": floordiv(N - 1, 2) * 2 + 3 - N,
    "values, one by one": N * N - 3 * N + 3,
}
NOT_PROVED: dict[str, Dim] = {
    "one below the range": N - 2,
    "two symbols": N - M,
    "a remainder": 2 * floordiv(N, 2) - N,
}


@pytest.mark.parametrize("name", PROVED)
def test_what_holds_for_all_values_is_proved(name: str) -> None:
    assert known(N=SPAN, M=SPAN).proves(PROVED[name])


@pytest.mark.parametrize("name", NOT_PROVED)
def test_what_holds_for_some_values_is_not(name: str) -> None:
    assert not known(N=SPAN, M=SPAN).proves(NOT_PROVED[name])


def test_proofs_follow_from_constraints_and_their_multiples() -> None:
    wide = (1, 8, 1 << 20)  # too many values to look at
    sizes = known(N=wide, M=wide, K=wide)
    require(sizes, Need(N, M, WHY), Need(M * K, 2 * floordiv(M * K, 2), WHY, "=="))
    assert sizes.proves(N - M) and sizes.proves(3 * N - 3 * M) and sizes.proves(K * N - K * M)
    whole = 4 * N * M * K - 8 * N * floordiv(M * K, 2)
    assert sizes.proves(whole) and sizes.proves(-1 * whole)
    assert not sizes.proves(M - N)


def test_signs() -> None:
    sizes = known(N=SPAN, M=(0, 0, 4))
    signs = [sizes.sign(dim) for dim in (N, -1 * N, M, N - N, N - 8, -1 - M)]
    assert signs == [1, -1, None, 0, None, -1]


# ---------------------------------------------------------------- needs


def test_what_is_true_leaves_no_trace() -> None:
    sizes = known(N=SPAN, M=SPAN)
    require(sizes, Need(N, 1, WHY), Need(N * M, M * N, WHY, "=="), Need(N, N, WHY, "broadcasts"))
    assert not constraints(sizes) and not sizes.module.determined


@pytest.mark.parametrize(
    ("left", "right", "text", "span"),
    [
        (N, 7, "N >= 7", (7, 8, 64)),
        (10, N, "10 >= N", (1, 8, 10)),
        (4 * N, 10, "N >= 3", (3, 8, 64)),
        (floordiv(N, 4), 3, "N >= 12", (12, 12, 64)),
        (floordiv(N - 3, 2) + 1, 1, "N >= 3", (3, 8, 64)),
        (5, floordiv(N + 1, 2), "10 >= N", (1, 8, 10)),
    ],
)
def test_what_holds_for_some_sizes_is_a_constraint_that_narrows(
    left: Dim, right: Dim, text: str, span: tuple[int, int, int]
) -> None:
    sizes = known(N=SPAN)
    require(sizes, Need(left, right, WHY))
    assert constraints(sizes) == [text]
    assert sizes.module.symbols["N"] == SymbolRange(*span)


def test_what_an_iteration_implies_is_no_constraint() -> None:
    sizes = known(N=(0, 4, 8), M=(0, 4, 8))
    with sizes.assuming([N - 1]):
        sizes.require_at_least(N, 1, WHY)
        with sizes.assuming([M - 2]):
            sizes.require_at_least(M + N, 2, WHY)
        assert constraints(sizes) == []
        sizes.require_at_least(N, 2, WHY)
    assert constraints(sizes) == ["N >= 2"] and sizes.ranges["N"] == (2, 8)
    sizes.require_at_least(M, 1, WHY)
    assert constraints(sizes) == ["N >= 2", "M >= 1"]


def test_the_stronger_constraint_is_kept() -> None:
    for order in ((2, 4), (4, 2)):
        sizes = known(N=SPAN)
        require(sizes, *(Need(N, least, WHY) for least in order))
        assert constraints(sizes) == ["N >= 4"]


def test_constraints_of_two_symbols_narrow_both() -> None:
    sizes = known(N=SPAN, M=SPAN)
    require(sizes, Need(10, N + M, WHY))
    assert constraints(sizes) == ["10 >= M+N"]
    assert sizes.module.symbols["N"].maximum == sizes.module.symbols["M"].maximum == 9


def test_a_product_that_is_needed_needs_its_factors() -> None:
    sizes = known(N=(0, 8, 64), M=(0, 8, 64))
    require(sizes, Need(N * M * N, 1, WHY))
    assert sorted(constraints(sizes)) == ["M >= 1", "N >= 1"]


def test_what_holds_for_no_size_is_a_conflict() -> None:
    with pytest.raises(Conflict, match=r"N-70 is less than 0 for N in 1\.\.64") as found:
        require(known(N=SPAN), Need(N - 70, 0, WHY))
    assert found.value.ranges
    with pytest.raises(Conflict, match="-N is less than 1") as found:
        require(known(N=SPAN), Need(-1 * N, 1, WHY))
    assert not found.value.ranges
    with pytest.raises(Conflict, match="6 and 8 differ"):
        require(known(), Need(6, 8, WHY, "=="))


def test_constraints_that_exclude_each_other_are_a_conflict() -> None:
    even = Need(N, 2 * floordiv(N, 2) + 1, WHY, "==")
    with pytest.raises(Conflict):
        require(known(N=SPAN), even, Need(10, N * N, WHY), Need(N * N, 2, WHY), Need(4, N * N, WHY))


def test_a_range_that_nobody_chose_gives_way() -> None:
    sizes = known("N", N=SPAN)
    with pytest.raises(GivesWay) as wider:  # the import begins anew, with a range that reaches so far
        require(sizes, Need(N, 100, WHY))
    assert (wider.value.name, wider.value.least) == ("N", 100)
    with pytest.raises(Conflict) as found:
        require(known(N=SPAN), Need(N, 100, WHY))
    assert found.value.ranges


# ---------------------------------------------------------------- determined symbols


def determined(sizes: Sizes) -> dict[str, str]:
    return {name: str(found.dim) for name, found in sizes.module.determined.items()}


def test_a_number_determines_a_symbol() -> None:
    sizes = known(K=SPAN, N=SPAN)
    with pytest.raises(Resized) as change:
        sizes.require_equal(K * N, 8 * N, WHY)
    assert change.value.values == {"K": 8}
    assert determined(sizes) == {"K": "8"} and list(sizes.module.symbols) == ["N"]


def test_a_name_stays_and_what_has_none_goes() -> None:
    for nameless in ("unk__5", "D3"):
        sizes = known(**{nameless: SPAN, "T": SPAN})
        sizes.unnamed.add("D3")
        require(sizes, Need(T, symbol(nameless), WHY, "=="))
        assert determined(sizes) == {nameless: "T"}


def test_of_two_equal_names_both_ranges_count() -> None:
    sizes = known(N=(2, 4, 20), M=(1, 3, 10))
    require(sizes, Need(N, M, WHY, "=="))
    assert determined(sizes) == {"M": "N"}
    assert sizes.module.symbols["N"] == SymbolRange(2, 4, 10)


@pytest.mark.parametrize(
    ("left", "right", "says", "span"),
    [
        (2 * floordiv(T, 2), T, "2*t0", (1, 4, 32)),
        (4 * ceildiv(T, 4), T, "4*t0", (1, 2, 16)),
        (2 * floordiv(T, 2) + 1, T, "2*t0+1", (0, 3, 31)),
    ],
)
def test_a_remainder_determines_a_step(left: Dim, right: Dim, says: str, span: tuple[int, int, int]) -> None:
    sizes = known(T=SPAN)
    require(sizes, Need(left, right, WHY, "=="))
    assert determined(sizes) == {"T": says}
    assert sizes.module.symbols["t0"] == SymbolRange(*span)


def test_two_symbols_in_a_fixed_proportion() -> None:
    sizes = known(T=SPAN, M=SPAN)
    require(sizes, Need(3 * T, 2 * M, WHY, "=="))
    assert determined(sizes) == {"T": "2*m0", "M": "3*m0"}
    assert sizes.module.symbols["m0"] == SymbolRange(1, 2, 21)


def test_steps_of_steps() -> None:
    sizes = known(H=SPAN)
    require(sizes, *(Need(part * floordiv(H, part), H, WHY, "==") for part in (2, 4, 32)))
    assert determined(sizes)["H"] == "32*h2" and sizes.module.symbols["h2"] == SymbolRange(1, 1, 2)


def _now(sizes: Sizes, name: str) -> Dim:
    found = sizes.module.determined.get(name)
    return symbol(name) if found is None else found.dim


def test_a_size_outside_the_chosen_range_is_a_conflict_of_ranges() -> None:
    with pytest.raises(Conflict, match=r"K and 8 differ for K in 1\.\.6") as found:
        require(known(K=(1, 3, 6)), Need(K, 8, WHY, "=="))
    assert found.value.ranges


# ---------------------------------------------------------------- broadcasting


@pytest.mark.parametrize(
    ("left", "right", "gives", "leaves"),
    [
        (N, N, "N", []),
        (N, 1, "N", []),
        (N, M, "S0", ["N broadcasts M"]),
        (floordiv(N, 2), M, "S0", ["floordiv(N, 2) broadcasts M"]),
        (N + 2, M, "S0", ["N+2 broadcasts M"]),
    ],
)
def test_sizes_broadcast(left: Dim, right: Dim, gives: str, leaves: list[str]) -> None:
    sizes = known(N=SPAN, M=SPAN)
    assert str(sizes.require_broadcast(left, right, WHY)) == gives
    assert constraints(sizes) == leaves


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        (N, 8, {"N": "8"}),  # a number fixes what meets it
        (N, symbol("D0"), {"D0": "N"}),  # what has no name is what it meets
        (2 * floordiv(N, 2), N, {"N": "2*n0"}),  # one size, computed in two ways
    ],
)
def test_sizes_that_are_meant_to_be_equal_do_not_broadcast(
    left: Dim, right: Dim, says: dict[str, str]
) -> None:
    sizes = known(N=SPAN, D0=SPAN)
    sizes.unnamed.add("D0")
    with pytest.raises(Resized):
        sizes.require_broadcast(left, right, WHY)
    assert determined(sizes) == says


def test_sizes_above_one_have_to_be_equal() -> None:
    sizes = known(N=(2, 4, 8), M=(2, 4, 8))
    with pytest.raises(Resized):
        sizes.require_broadcast(N, M, WHY)


def test_a_size_that_broadcasts_and_is_needed_whole_is_stretched_to() -> None:
    sizes = known(N=SPAN, T=SPAN, P=SPAN)
    whole = T + symbol("P")
    found = sizes.require_broadcast(whole, N, WHY)
    with pytest.raises(Resized) as change:
        sizes.require_equal(found, whole, WHY)
    assert change.value.values == {"S0": whole}
    assert constraints(sizes) == ["N stretches P+T"] and not sizes.module.derived
    assert sizes.require_broadcast(N, whole, WHY) == whole  # it is known by now


# ---------------------------------------------------------------- derived symbols


def test_what_is_certain_is_not_derived() -> None:
    sizes = known(N=(4, 8, 64))
    assert sizes.derive("min", N, 3) == 3
    assert sizes.derive("max", N, 3) == N
    assert sizes.derive("min", N, 100) == N
    assert sizes.derive("select", N - 4, M, K) == M
    assert sizes.derive("min", 3, 5) == 3
    assert not sizes.module.derived


def test_one_definition_is_one_symbol_with_its_range() -> None:
    sizes = known(N=SPAN)
    first = sizes.derive("min", N, 10)
    assert first == sizes.derive("min", 10, N) == symbol("S0")
    assert sizes.module.symbols["S0"] == SymbolRange(1, 8, 10)
    assert sizes.proves(10 - first) and sizes.proves(N - first)


def test_no_derived_symbol_stands_for_what_is_below_zero() -> None:
    sizes = known(N=SPAN)
    found = sizes.derive("max", -1 * N, -10)
    assert found == -1 * symbol("S0") and str(sizes.module.derived["S0"]) == "min(N, 10)"
    assert sizes.derive("select", N - 4, -1 * N, -2) == -1 * symbol("S1")
    assert str(sizes.module.derived["S1"]) == "select(N-4, N, 2)"


def test_a_constraint_makes_a_derived_symbol_certain() -> None:
    sizes = known(N=SPAN)
    sizes.derive("min", N, 10)
    with pytest.raises(Resized) as change:
        sizes.require(Need(9, N, WHY))
    assert change.value.values == {"S0": N} and not sizes.module.derived


def test_all_that_was_replaced_is_told() -> None:
    sizes = known(N=SPAN, M=SPAN)
    sizes.derive("max", sizes.derive("min", N, M), 2)
    with pytest.raises(Resized) as change:
        sizes.require(Need(N, 1, WHY, "=="))
    assert change.value.values == {"N": 1, "S0": 1, "S1": 2}


def test_a_derived_symbol_goes_where_it_becomes_certain() -> None:
    sizes = known(N=SPAN, M=SPAN)
    cut = sizes.derive("min", N, 10)
    sizes.module.constraints.clear()
    require(sizes, Need(M, cut + 1, WHY), Need(N, 4, WHY, "=="))
    assert not sizes.module.derived and constraints(sizes) == ["M >= 5"]


# ---------------------------------------------------------------- nothing is lost

NAMES = ("N", "M")
MOST = 9


def dims() -> SearchStrategy[Dim]:
    one = st.sampled_from([symbol(name) for name in NAMES])
    part = st.builds(floordiv, st.builds(lambda x, c: x + c, one, st.integers(0, 3)), st.integers(2, 4))
    term = st.one_of(one, part, st.integers(0, 6), st.builds(lambda x, y: x * y, one, one))
    return st.builds(lambda x, y, k: x + k * y, term, term, st.sampled_from([1, 2, 3, -1]))


def needs() -> SearchStrategy[Need]:
    relation = st.sampled_from([">=", ">=", "==", "==", "broadcasts"])
    return st.builds(lambda a, b, r: Need(a, b, WHY, r), dims(), dims(), relation)


def allowed(sizes: Sizes) -> Iterator[tuple[int, ...]]:
    """The values of NAMES that the module of SIZES allows."""
    module = sizes.module
    free = {name: r for name, r in module.symbols.items() if name not in module.derived}
    spans = [range(r.minimum, r.maximum + 1) for r in free.values()]
    for choice in itertools.product(*spans):
        values = with_derived(module.derived, dict(zip(free, choice, strict=True)))
        if broken(module.constraints, values) is None:
            yield tuple(evaluate(_now(sizes, name), values) for name in NAMES)


def holds(need: Need, values: dict[str, int]) -> bool:
    left, right = evaluate(need.left, values), evaluate(need.right, values)
    match need.relation:
        case ">=":
            return left >= right
        case "==":
            return left == right
    return left == right or 1 in (left, right)


@given(st.lists(needs(), min_size=1, max_size=3), st.integers(0, 2))
def test_exactly_the_sizes_that_fit_are_allowed(found: list[Need], least: int) -> None:
    """But a common factor is taken out of equations, as if it was not 0: N*K == N*8 says that K is 8."""
    every = [dict(zip(NAMES, v, strict=True)) for v in itertools.product(range(least, MOST + 1), repeat=2)]
    wanted = {tuple(v.values()) for v in every if all(holds(need, v) for need in found)}
    sizes = known(**dict.fromkeys(NAMES, (least, 4, MOST)))
    try:
        require(sizes, *found)
    except Conflict:
        assert all(0 in v for v in wanted)
    else:
        fitting = set(allowed(sizes))
        assert fitting <= wanted
        assert all(0 in v for v in wanted - fitting)
