"""TopK, Hardmax and ops on sequences: nodes against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError

from .nodes import Array, Case, case, check, expanded, ints, label, real, whole

TIED = whole(3, 9, low=0, high=4).astype(np.float32)

NODES = [
    case("TopK", 9, real(3, 5), k=2, outputs=2),
    case("TopK", 10, real(3, 5), ints(5), outputs=2, constant=(1,)),
    case("TopK", 11, TIED, ints(4), outputs=2, constant=(1,)),
    case("TopK", 11, TIED, ints(1), outputs=2, constant=(1,)),
    case("TopK", 11, TIED, ints(3), outputs=2, axis=0, largest=0, constant=(1,)),
    case("TopK", 11, whole(2, 7), ints(3), outputs=2, largest=0, constant=(1,)),
    case("Hardmax", (7, 11), TIED.reshape(3, 3, 3)),
    case("Hardmax", 11, TIED.reshape(3, 3, 3), axis=2),
    case("Hardmax", 13, TIED, axis=0),
    case("ReverseSequence", 10, real(4, 3, 2), ints(1, 3, 4)),
    case("ReverseSequence", 10, real(3, 4), ints(1, 3, 4), time_axis=1, batch_axis=0),
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


def ours(given: Case, opset: int) -> list[Array]:
    module = import_model(given.model(opset).SerializeToString())
    return list(interpret(module, given.inputs).values())


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_long_axes_are_ordered_in_parts(largest: int, axis: int, dtype: type) -> None:
    """The same elements at the same places, also where many are equal and where all there is is the last."""
    x = whole(3, 5000, low=-20, high=20).astype(dtype)
    x[1] = np.iinfo(np.int16).min if largest else np.iinfo(np.int16).max
    if dtype == np.float32:
        x[1], x[2, ::7], x[2, 5] = -np.inf if largest else np.nan, np.nan, np.inf
    given = np.moveaxis(x, 1, axis).copy()
    k = ints(40)
    values, places = ours(
        case("TopK", 11, given, k, axis=axis, largest=largest, outputs=2, constant=(1,)), 11
    )
    keys = [[(number != number, 0 if number != number else number) for number in line] for line in x.tolist()]
    wanted = [sorted(range(5000), key=line.__getitem__, reverse=bool(largest))[:40] for line in keys]
    np.testing.assert_array_equal(np.moveaxis(places, axis, 1), wanted)
    np.testing.assert_array_equal(np.moveaxis(values, axis, 1), np.take_along_axis(x, np.array(wanted), 1))


def test_parts_take_fewer_comparisons() -> None:
    x = real(1, 5000)
    module = import_model(
        case("TopK", 11, x, ints(40), outputs=2, constant=(1,)).model(11).SerializeToString()
    )
    work = sum(int(str(op.flops())) for op in module.walk() if op.name == "graph.sort_rank")
    assert work < 5000 * 5000 / 5


def test_more_than_there_are() -> None:
    with pytest.raises(ModelError, match="has as many elements as are taken"):
        ours(case("TopK", 11, real(3, 5), ints(6), outputs=2, constant=(1,)), 11)


@pytest.mark.parametrize("constant", [(), (1,)])
def test_a_cache_is_written(constant: tuple[int, ...]) -> None:
    cache, update, starts = real(2, 4, 3), real(2, 2, 3), ints(3, 1)
    given = case("TensorScatter", 24, cache, update, starts, mode="circular", constant=constant)
    [found] = ours(given, 24)
    cache[0, [3, 0]], cache[1, [1, 2]] = update
    np.testing.assert_array_equal(found, cache)
