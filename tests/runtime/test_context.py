"""Contexts and bindings on the host device."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, InputError, UnsupportedError
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.binding import RunInputs
from glassrt.runtime.cuts import Cut

from .fake_driver import FakeDriver
from .tiny_engines import GpuTensor, batch, contents, engine_on
from .tiny_launches import Array
from .tiny_plans import affine, affine_plan


def aligned(array: Array) -> Array:
    return GpuTensor(array).array


def test_a_binding_runs_in_the_arrays_that_it_was_given(engine: Engine) -> None:
    x, y = aligned(batch(4)), aligned(np.zeros((4, 4), np.float32))
    binding = engine.context().bind({"x": x}, {"y": y})
    assert binding.outputs["y"] is y and not y.any()
    for round in range(2):
        x += round
        binding.launch()
        binding.wait()
        np.testing.assert_array_equal(y, affine(x))


def test_a_binding_makes_the_outputs_that_are_left_out(engine: Engine) -> None:
    x = aligned(batch(3))
    binding = engine.context().bind({"x": x})
    binding.launch()
    np.testing.assert_array_equal(binding.outputs["y"], affine(x))


def test_what_would_have_to_be_copied_is_refused(engine: Engine) -> None:
    context, wide = engine.context(), aligned(np.zeros((4, 8), np.float32))
    odd = aligned(np.zeros(17, np.float32))[1:].reshape(4, 4)
    for x, message in ((wide[:, ::2], "not contiguous"), (odd, "not a multiple of 16")):
        with pytest.raises(InputError, match=message):
            context.bind({"x": x})
    with pytest.raises(InputError, match="wrong type"):
        context.bind({"x": aligned(batch(4)).astype(np.float64)})


def test_the_host_has_no_streams(engine: Engine) -> None:
    with pytest.raises(InputError, match="no streams"):
        engine.context().bind({"x": aligned(batch(4))}).launch(7)


def test_a_binding_belongs_to_the_thread_of_its_context_and_ends_with_it(engine: Engine) -> None:
    context = engine.context()
    binding = context.bind({"x": aligned(batch(1))})
    caught: list[Exception] = []

    def misuse() -> None:
        for use in (binding.launch, binding.wait):
            try:
                use()
            except DeviceError as error:
                caught.append(error)

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join()
    assert ["another thread" in str(error) for error in caught] == [True, True]
    context.close()
    with pytest.raises(DeviceError, match="closed"):
        binding.launch()


def test_sizes_that_depend_on_data_are_refused(host_plan: Plan) -> None:
    with load(host_plan, "host") as engine:
        core = engine._core
        sizes = replace(core.manifest.sizes, contents={"x": ("N",)})
        core.manifest = replace(core.manifest, cuts=(Cut("y", 0, "count"),), sizes=sizes)
        with pytest.raises(UnsupportedError, match="cannot be bound") as caught:
            engine.context().bind({"x": aligned(batch(4))})
    assert caught.value.offenders == (
        "sizes depend on what the input 'x' holds",
        "the size of axis 0 of the output 'y' depends on data",
    )


def test_results_that_are_reused_are_overwritten(engine: Engine) -> None:
    context = engine.context()
    first = context.run({"x": batch(4)}, reuse=True)["y"]
    np.testing.assert_array_equal(first, affine(batch(4)))
    own = context.run({"x": batch(4)})["y"]
    second = context.run({"x": batch(4) + 1}, reuse=True)["y"]
    assert second is first and not np.shares_memory(own, first)
    np.testing.assert_array_equal(first, affine(batch(4) + 1))
    assert context.run({"x": batch(5)}, reuse=True)["y"].shape == (5, 4)


@pytest.mark.parametrize("where", ["host memory", "device memory"])
def test_results_on_a_gpu_are_reused(fake: FakeDriver, where: str) -> None:
    context = engine_on(fake, affine_plan()).context()
    first, second = (
        context.run({"x": GpuTensor(x) if where == "device memory" else x}, reuse=True)["y"]
        for x in (batch(4), batch(4) + 1)
    )
    for result in (first, second):
        found = result if isinstance(result, np.ndarray) else contents(result)
        np.testing.assert_array_equal(found, affine(batch(4) + 1))
    context.close()
    assert first.shape == (4, 4) and "pinned memory" not in fake.live.values()


def test_a_reused_result_that_is_fed_back_is_not_what_the_run_writes(fake: FakeDriver) -> None:
    context, want = engine_on(fake, affine_plan()).context(), batch(4)
    result: Any = GpuTensor(want)
    for _ in range(3):
        result, want = context.run({"x": result}, reuse=True)["y"], affine(want)
        np.testing.assert_array_equal(contents(result), want)


def test_signatures_tell_programs_apart() -> None:
    def signature(*shape: int, held: tuple[int, ...] = (), dtype: str = "f4") -> object:
        return RunInputs([np.zeros(shape, dtype)], {"x": list(held)} if held else {}, {}, {}).signature

    assert signature(2, 3) == signature(2, 3) and signature(2, held=(1,)) == signature(2, held=(1,))
    others = [signature(3, 2), signature(2, 3, dtype=">f4"), signature(2, 3, held=(2,)), signature(6)]
    assert len({signature(2, 3), *others}) == 5
