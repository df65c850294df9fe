"""Building ops from parsed text: names are resolved, and what does not fit is shown at its place."""

from __future__ import annotations

import pytest
from glassrt import IRError

from .small_modules import GOOD, read

BROKEN = {
    "op that does not exist": (
        "graph.relu",
        "graph.rellu",
        "there is no op graph.rellu",
        "is graph.relu meant?",
    ),
    "value that does not exist": ("relu %x", "relu %z", "%z is not defined", "net.ir:4:21"),
    "value used before it is made": ("relu %x", "relu %0", "%0 is not defined", "defined before"),
    "name given twice": ("%0 = graph.relu %x", "%x = graph.relu %x", "%x is defined twice", "^^"),
    "wrong number of results": ("%0 = graph.relu", "%0, %1 = graph.relu", "2 names for 1 result", None),
    "function without an end": ("    core.return %0\n", "", "does not end with core.return", None),
    "other types returned": (
        "-> (tensor<Nx4xf32>)",
        "-> (tensor<4xf32>)",
        "other types than it declares",
        None,
    ),
    "unnamed input": (
        'inputs = ["x"]',
        "inputs = []",
        "has 1 inputs, but 0 names",
        "net.ir:3:66",
    ),
    "region without ops": (
        "graph.relu %x : tensor<Nx4xf32>",
        'fused.kernel %x {root = "loop"} : tensor<Nx4xf32> { ^(%a: tensor<Nx4xf32>): }',
        "is empty",
        "net.ir:4",
    ),
    "symbol after its use": (
        "symbol N in [1, 8, 32]",
        "symbol M = min(N, 4) in [1, 8, 32]",
        "no symbol 'N' is declared before this line",
        "declare `symbol N in [..]` before it",
    ),
    "size below zero": ("[1, 8, 32]", "[-1, 8, 32]", "the size N cannot be negative", "net.ir:2"),
    "attribute of a function": ("{inputs =", "{input =", "no attribute 'input'", "is inputs meant?"),
    "name that is no text": ('inputs = ["x"]', "inputs = [3]", "a string is expected, not 3", "net.ir:3"),
    "a symbol for an op that has none": (
        "graph.relu %x",
        "graph.relu @k %x",
        "graph.relu takes no @k",
        "net.ir:4",
    ),
    "an attribute of the constructor": ("%x :", "%x {loc = 3} :", "'loc' is not an attribute", "net.ir:4"),
    "module without a function": (
        GOOD[GOOD.index("  func") :],
        "}",
        "has no function",
        "add `func @main(...)`",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_fit_is_shown_at_its_place(case: str) -> None:
    old, new, reason, detail = BROKEN[case]
    assert old in GOOD
    with pytest.raises(IRError) as caught:
        read(GOOD.replace(old, new, 1))
    assert reason in str(caught.value)
    assert detail is None or detail in str(caught.value)


def test_names_of_values_become_their_hints() -> None:
    module = read(GOOD)
    (relu, _) = list(module.main.block)
    assert module.main.arguments[0].hint == "x" and relu.result.hint == ""
    assert relu.location.place is not None and GOOD[relu.location.place.start :].startswith("graph.relu")
