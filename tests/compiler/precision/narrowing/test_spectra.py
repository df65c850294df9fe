"""Which values are spectra of the inputs, and which products multiply exactly for a logarithm of them."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.precision.narrowing.demands import Demands
from glassrt.compiler.precision.narrowing.forward import ForwardFacts
from glassrt.compiler.precision.narrowing.spectra import Spectra
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module

TEXT = """module @net {{
  func @net(%x: tensor<4x32xf32>, %n: tensor<4x32xi64>) -> (tensor<4x32xf32>) \
{{inputs = ["x", "n"], outputs = ["y"]}} {{
    %w = graph.constant @w01234567890123456789 : tensor<32x32xf32>
    %a = graph.matmul %x, %w : tensor<4x32xf32>
    {line}
    %c = graph.matmul %b, %w : tensor<4x32xf32>
    %d = graph.mul %c, %c : tensor<4x32xf32>
    %e = graph.sqrt %d : tensor<4x32xf32>
    %y = graph.log %e : tensor<4x32xf32>
    core.return %y
  }}
}}
"""
SPECTRA = {
    "a sum": "%b = graph.add %a, %x",
    "a square": "%b = graph.mul %a, %a",
    "a magnitude": "%b = graph.abs %a",
    "moved": "%b = graph.reshape %a {shape = [4, 32]}",
}
FEATURES = {
    "an activation": "%b = graph.relu %a",
    "another function": "%b = graph.tanh %a",
    "a choice": "%b = graph.softmax %a {axis = 1}",
    "from integers": "%b = graph.cast %n {to = f32}",
}


def module_of(line: str) -> Module:
    return parse_module(TEXT.format(line=f"{line} : tensor<4x32xf32>"), ALL_DIALECTS)


def facts_of(module: Module) -> ForwardFacts:
    return ForwardFacts(module, module.main)


@pytest.mark.parametrize("case", SPECTRA)
def test_a_spectrum_is_exact_from_the_inputs_on(case: str) -> None:
    module = module_of(SPECTRA[case])
    demands = Demands(module.main, facts_of(module))
    assert len(demands.products) == 2
    assert module.main.arguments[0] in demands.values


@pytest.mark.parametrize("case", FEATURES)
def test_features_are_no_spectra(case: str) -> None:
    module = module_of(FEATURES[case])
    facts = facts_of(module)
    demands, spectra = Demands(module.main, facts), Spectra(module.main, facts)
    log = next(op for op in module.walk() if op.name == "graph.log")
    assert not demands.products and log.inputs[0] not in spectra
    assert log.inputs[0] in demands.values


def test_a_logarithm_of_at_least_1_asks_for_nothing() -> None:
    text = TEXT.format(line="%b = graph.abs %a : tensor<4x32xf32>")
    one = "%o = graph.constant {value = dense<f32: 1.0>} : tensor<f32>"
    more = "%f = graph.add %e, %o : tensor<4x32xf32>"
    text = text.replace("%y = graph.log %e", f"{one} {more} %y = graph.log %f")
    module = parse_module(text, ALL_DIALECTS)
    assert not Demands(module.main, facts_of(module)).values
