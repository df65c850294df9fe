"""What a plan says of sizes: the symbols that occur, and no sections about nothing."""

from __future__ import annotations

from glassrt.codegen.plan.size_facts import size_facts, symbol_ranges
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.affine_traversal import to_json
from glassrt.dialects.core.constraints import Constraint, Derived, Determined
from glassrt.dialects.core.module import SymbolRange

from .modules import small

A, N = symbol("A"), symbol("N")


def test_only_symbols_that_occur_are_named() -> None:
    assert symbol_ranges(small()) == {"N": [1, 2, 4]}


def test_a_module_of_plain_sizes_has_no_facts() -> None:
    assert size_facts(small()) == {}


def test_what_a_symbol_is_derived_from_occurs_with_it() -> None:
    module = small()
    module.symbols |= {"A": SymbolRange(1, 2, 8), "LOST": SymbolRange(1, 2, 8)}
    module.derived |= {"N": Derived("min", (A, 4)), "LOST": Derived("max", (A, 1))}
    assert symbol_ranges(module) == {"N": [1, 2, 4], "A": [1, 2, 8]}
    assert size_facts(module) == {"derived": {"N": ["min", to_json(A), 4]}}


def test_constraints_and_what_was_determined_say_why() -> None:
    module = small()
    module.constraints.append(Constraint(N, "==", 2, "the rows are joined"))
    module.determined["M"] = Determined(N + 1, "by a reshape")
    facts = size_facts(module)
    (constraint,) = facts["constraints"]
    assert (constraint["relation"], constraint["right"], constraint["text"]) == ("==", 2, "N == 2")
    assert constraint["why"] == "the rows are joined" and constraint["nodes"] == []
    assert facts["determined"]["M"]["size"] == to_json(N + 1)
    assert facts["determined"]["M"]["text"] == "N+1"
