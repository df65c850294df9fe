"""Models as a whole: what they declare is held against what they are, and wrong arguments are named."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import InputError, ModelError, UnsupportedError
from onnx import TensorProto, helper

from .bad_models import PLAIN
from .graphs import F32, model, node

MALFORMED = {
    "no output": (model([node("Relu", "x", "z")]), "no node computes the output 'y'"),
    "no outputs": (model([node("Relu", "x")], outputs=[]), "no outputs"),
    "same output": (model([node("Relu", "x")], outputs=["y", "y"]), "two outputs are called 'y'"),
    "declared rank": (
        model([node("Relu", "x", name="r")], outputs=[helper.make_tensor_value_info("y", F32, [2, 3, 1])]),
        "'r'.*declared as \\[2, 3, 1\\]",
    ),
    "declared size": (
        model([node("Relu", "x", name="r")], outputs=[helper.make_tensor_value_info("y", F32, [2, 4])]),
        "'r'.*declared as \\[2, 4\\]",
    ),
    "declared type": (
        model(
            [node("Relu", "x", name="r")],
            outputs=[helper.make_tensor_value_info("y", TensorProto.INT8, [2, 3])],
        ),
        "'r'.*declared as INT8",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_graph(what: str) -> None:
    bad, message = MALFORMED[what]
    with pytest.raises(ModelError, match=message):
        import_model(bad)


def test_two_initialisers_of_one_name() -> None:
    twice = model([node("Add", "x w")], constants={"w": np.ones(3, np.float32)})
    twice.graph.initializer.append(twice.graph.initializer[0])
    with pytest.raises(ModelError, match=r"two initializers are called 'w'"):
        import_model(twice)


def test_two_inputs_of_one_name() -> None:
    twice = model([node("Relu", "x")])
    twice.graph.input.append(twice.graph.input[0])
    with pytest.raises(ModelError, match=r"two inputs are called 'x'"):
        import_model(twice)


@pytest.mark.parametrize("dims", [[4], [2], [-1], [2**40, 2**40]])
def test_an_initialiser_whose_bytes_do_not_fit_its_shape(dims: list[int]) -> None:
    bad = model([node("Add", "x w")], constants={"w": np.ones(3, np.float32)})
    bad.graph.initializer[0].dims[:] = dims
    with pytest.raises(ModelError, match=r"initializer 'w'"):
        import_model(bad)


# ------------------------------------------------------------ unsupported


def test_unsupported_types_are_offenders() -> None:
    bad = model([node("Identity", "x"), node("Identity", "s", "z")], outputs=["y", "z"])
    bad.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    bad.graph.initializer.append(helper.make_tensor("s", TensorProto.COMPLEX64, [2], [1, 2]))
    with pytest.raises(UnsupportedError) as caught:
        import_model(bad)
    assert [o.split(":")[0] for o in caught.value.offenders] == ["input 'x'", "initializer 's'"]


# ------------------------------------------------------------ arguments of the call


@pytest.mark.parametrize(
    "options",
    [
        {"inputs": {"z": [1, 3]}},
        {"inputs": {"x": [1, 3, 3]}},
        {"inputs": {"x": "N3"}},
        {"inputs": {"x": [-1, 3]}},
        {"inputs": {"x": ["bad name", 3]}},
        {"inputs": {"x": ["", 3]}},
        {"shapes": {"M": (1, 2, 3)}},
        {"shapes": {"N": (3, 2, 1)}},
        {"shapes": {"N": (1, 2)}},
        {"shapes": {"N": (-1, 1, 2)}},
    ],
    ids=str,
)
def test_arguments_that_do_not_fit_the_model(options: dict[str, dict[str, object]]) -> None:
    with pytest.raises(InputError):
        import_model(PLAIN, **options)  # type: ignore[arg-type]
