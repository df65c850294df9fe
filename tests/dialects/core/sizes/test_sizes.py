"""What ops need of sizes: it holds, determines a symbol, is a constraint or a conflict; nothing is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.constraints import Need, broken, with_derived
from glassrt.dialects.core.sizes.outcomes import Conflict, Resized
from glassrt.dialects.core.sizes.sizes import Sizes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .needs import SPAN, WHY, M, N, T, constraints, determined, known, require


def test_what_is_true_leaves_no_trace() -> None:
    sizes = known(N=SPAN, M=SPAN)
    require(sizes, Need(N, 1, WHY), Need(N * M, M * N, WHY, "=="), Need(N, N, WHY, "broadcasts"))
    assert not constraints(sizes) and not sizes.module.determined


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


def _now(sizes: Sizes, name: str) -> Dim:
    found = sizes.module.determined.get(name)
    return symbol(name) if found is None else found.dim


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
