"""What fusion must reach on networks of the onnx package, by what is in each launch; no code is made."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.ledger import Ledger, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.launch import Kernel

from ...models import light_models, reseed


@cache
def launches(name: str) -> tuple[list[list[Operation]], Ledger]:
    """The ops of every launch of a network in fp16, and the ledger.

    Weights are random where siblings matter: those of the file are equal, and so some ops would be.
    """
    model = onnx.load(light_models()[name])
    module = load_module(reseed(model, np.random.default_rng(0)) if name == "inception_v1" else model)
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"))
    for level in LEVELS:
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
    return [_running(op) for op in module.main.block if isinstance(op, Kernel)], context.ledger


def _running(kernel: Kernel) -> list[Operation]:
    ops = [op for op in kernel.walk() if op is not kernel and not has(op, Trait.CONSTANT)]
    return [op for op in ops if not has(op, Trait.TERMINATOR)]


def moves_only(ops: list[Operation]) -> bool:
    """True for launches that compute nothing."""
    return all(has(op, Trait.MOVEMENT) or op.name == "graph.cast" for op in ops)


def with_contraction(found: list[list[Operation]]) -> list[list[Operation]]:
    return [ops for ops in found if any(has(op, Trait.CONTRACTION) for op in ops)]


@pytest.mark.parametrize("name", ["inception_v1", "densenet121"])
def test_no_launch_copies_the_parts_of_a_concat(name: str) -> None:
    found, ledger = launches(name)
    assert not [ops for ops in found if moves_only(ops) and any(isinstance(op, Concat) for op in ops)]
    # What is left is the input of the model, which is brought into the layout of the convolutions.
    assert sum(map(moves_only, found)) <= 1
    elided = [record for record in ledger if record.rule == "elide-concat"]
    assert elided and all(record.figures.get("launches_saved") == 1 for record in elided)


def test_inception_joins_the_siblings_of_its_nine_modules() -> None:
    found, ledger = launches("inception_v1")
    assert len(found) <= 60
    joined = [r for r in ledger if r.rule == "horizontal-contraction" and r.verdict is Verdict.TAKEN]
    assert [record.figures["siblings"] for record in joined] == [3] * 9
    for record in joined:
        (together,) = [ops for ops in with_contraction(found)
                       if set(record.nodes) & {node for op in ops for node in op.location.nodes}]  # fmt: skip
        assert set(record.nodes) <= {node for op in together for node in op.location.nodes}


def test_the_residuals_of_resnet_are_in_its_convolutions() -> None:
    found, _ = launches("resnet50")
    # This one ends with a softmax, which the network of the paper has not.
    assert len([ops for ops in found if not any(isinstance(op, Softmax) for op in ops)]) <= 56
    inside = [op for ops in with_contraction(found) for op in ops]
    everything = [op for ops in found for op in ops]
    for kind, least in ((Add, 16), (Relu, 48)):
        assert [op for op in everything if isinstance(op, kind)] == [
            op for op in inside if isinstance(op, kind)
        ]
        assert sum(isinstance(op, kind) for op in inside) >= least


def test_the_shuffles_of_shufflenet_are_in_its_convolutions() -> None:
    found, ledger = launches("shufflenet")
    shuffled = [ops for ops in found if any(isinstance(op, Transpose) for op in ops)]
    assert len(shuffled) == 16
    assert all(ops in with_contraction(found) for ops in shuffled)
    assert sum(map(moves_only, found)) <= 1
    taken = [r for r in ledger if r.rule == "contraction-shuffle" and r.verdict is Verdict.TAKEN]
    assert sum(record.figures["launches_saved"] == 1 for record in taken) >= 16
