"""What a module says of its symbols, its ops and its copies without functions."""

from __future__ import annotations

from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.constraints import Derived
from glassrt.dialects.core.module import Module, SymbolRange

from .small_modules import kernel_reading, two_ops

N, M = symbol("N"), symbol("M")


def test_an_op_knows_the_module_that_contains_it() -> None:
    module = kernel_reading(outer=False)
    assert [op.module for op in module.walk()] == [module] * 4
    kernel = next(module.walk())
    kernel.parent.unlink(kernel)
    assert [op.module for op in kernel.walk()] == [None] * 3
    module.main.module = None
    assert module.main.block.terminator.module is None


def test_values_of_symbols_at_the_ends_of_their_ranges() -> None:
    module = Module(symbols={"N": SymbolRange(0, 4, 9), "M": SymbolRange(1, 2, 3)})
    module.derived["M"] = Derived("max", (N - 1, 1))
    assert module.ranges == {"N": (0, 9), "M": (1, 3)}
    assert module.values_at("optimum") == {"N": 4, "M": 3}
    # Where a definition divides by zero, a derived symbol takes the end of its own range.
    module.derived["M"] = Derived("max", (12 // N, 1))
    assert module.values_at("minimum") == {"N": 0, "M": 1}


def test_symbols_that_inputs_hold() -> None:
    module = Module(contents={"sizes": (N + 1, 8), "start": (M,)})
    assert module.held == {"N", "M"}


def test_an_emptied_module_shares_nothing_that_passes_change() -> None:
    module, *_ = two_ops()
    copy = module.emptied()
    assert copy.functions == [] and copy.symbols == module.symbols and copy.resources is module.resources
    copy.symbols["K"] = SymbolRange(1, 1, 1)
    copy.contents["x"] = (N,)
    assert "K" not in module.symbols and not module.contents
