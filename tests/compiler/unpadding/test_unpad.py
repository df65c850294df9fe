"""The pass as a whole: what it adds to a module, and what it cannot take."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.unpadding.unpad import Unpad
from glassrt.dialects.core.module import SymbolRange, Unpadded
from glassrt.dialects.core.printer import print_module
from glassrt.errors import InputError, UnsupportedError

from .encoders import X, parsed, unpadded

BODY = f"%y = graph.relu %a : {X}"


def test_rows_are_inputs_with_a_size_of_their_own() -> None:
    module = unpadded(parsed(BODY))
    assert module.unpadded == Unpadded("m", {"y": (0, 1)})
    assert module.main.inputs == ["x", "m", "m.tokens", "m.positions", "m.offsets", "m.places"]
    types = [str(value.type) for value in module.main.arguments[2:]]
    assert types == ["tensor<(64*T)xi32>", "tensor<(64*T)xi32>", "tensor<(N+1)xi32>", "tensor<NxSxi32>"]
    span = module.symbols["T"]
    assert (span.minimum, span.optimum, span.maximum) == (0, 1, 2)  # times 64: 8 * 9 tokens at most


def test_nothing_is_done_twice_or_without_being_asked() -> None:
    module = parsed(BODY)
    before = print_module(module)
    assert print_module(unpadded(module, None)) == before
    once = unpadded(module)
    assert print_module(unpadded(once)) == print_module(once)


def test_the_decision_is_on_record() -> None:
    context = PassContext(ALL_DIALECTS, unpadded="m")
    Unpad().run(parsed(BODY), context)
    (record,) = context.ledger
    assert record.rule == "unpad" and "1 attention" in record.reason


def test_a_symbol_of_the_name_is_passed_by() -> None:
    module = parsed(BODY)
    module.symbols["T"] = SymbolRange(1, 2, 3)
    assert "T0" in Unpad().run(module, PassContext(ALL_DIALECTS, unpadded="m")).symbols


@pytest.mark.parametrize(
    ("mask", "problem"),
    [("mask", "there is no input 'mask'"), ("x", r"the input 'x' is tensor<NxSx6xf32>, a mask of")],
)
def test_what_is_no_mask(mask: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        unpadded(parsed(BODY), mask)


def test_a_model_without_attention_is_refused() -> None:
    module = parsed(f"%y = graph.relu %x : {X}")
    attention = next(op for op in module.walk() if op.name == "graph.attention")
    attention.result.replace_by(attention.inputs[0])
    attention.erase()
    with pytest.raises(UnsupportedError, match="no attention leaves out the padding"):
        unpadded(module)
