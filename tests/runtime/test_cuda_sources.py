"""Calls whose inputs come again: one object, one graph, and the copies that they need."""

from __future__ import annotations

import numpy as np
from glassrt.runtime import Plan
from glassrt.runtime.cuda_session import MAX_GRAPHS

from .fake_driver import FakeDriver
from .fast_tensors import FastTensor
from .tiny_engines import batch, engine_on
from .tiny_plans import affine


def test_a_graph_that_was_dropped_is_made_again(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    context = engine.context()
    x, y = FastTensor(batch(4)), FastTensor(np.zeros((4, 4), np.float32))
    context.run({"x": x}, {"y": y})
    session = context._session
    assert session is not None
    for graph in session._graphs.values():  # type: ignore[attr-defined]
        graph.close()
    session._graphs.clear()  # type: ignore[attr-defined]
    for _ in range(3):
        x.array += 1
        context.run({"x": x}, {"y": y})
        np.testing.assert_array_equal(y.array, affine(x.array))


def test_results_that_are_held_have_memory_of_their_own(fake: FakeDriver, plan: Plan) -> None:
    engine, x = engine_on(fake, plan), FastTensor(batch(4))
    held = []
    for index in range(3 * MAX_GRAPHS):
        x.array[...] = index
        held.append(engine.run({"x": x})["y"])
    for index, result in enumerate(held):
        np.testing.assert_array_equal(result.numpy(), affine(np.full((4, 4), index, np.float32)))


def test_arrays_and_tensors_take_turns(fake: FakeDriver, plan: Plan) -> None:
    engine, x = engine_on(fake, plan), FastTensor(batch(4))
    for turn, given in enumerate((x, x, batch(4), batch(4) * 2, x, batch(4), batch(3), batch(4) * 3)):
        array = given.array if isinstance(given, FastTensor) else given
        array += turn
        result = engine.run({"x": given})["y"]
        np.testing.assert_array_equal(np.asarray(result if given is not x else result.numpy()), affine(array))
