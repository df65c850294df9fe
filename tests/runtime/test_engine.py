"""The engine on the host device: the plan's own kernels, compiled and run here."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, InputError, PlanError
from glassrt.runtime import Engine, Plan, load
from hypothesis import given, settings
from hypothesis import strategies as st

from .tiny_engines import batch
from .tiny_plans import affine, affine_plan, real_headers


@settings(max_examples=20)
@given(st.integers(1, 32))
def test_every_batch_in_the_range(engine: Engine, size: int) -> None:
    x = batch(size)
    np.testing.assert_array_equal(engine.run({"x": x})["y"], affine(x))


def test_metadata(engine: Engine) -> None:
    assert engine.device == "host"
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in engine.inputs] == [("x", "f32", ("N", 4))]
    assert [tensor.name for tensor in engine.outputs] == ["y"]


def test_from_a_file(host_plan: Plan, tmp_path: Any) -> None:
    host_plan.save(tmp_path / "net.plan")
    x = batch(3)
    np.testing.assert_array_equal(load(tmp_path / "net.plan", "host").run({"x": x})["y"], affine(x))


def test_inputs_need_not_be_dense_or_aligned(engine: Engine) -> None:
    wide = batch(32).repeat(2, axis=1)
    np.testing.assert_array_equal(engine.run({"x": wide[:, ::2]})["y"], affine(wide[:, ::2]))
    np.testing.assert_array_equal(engine.run({"x": wide[::-1, :4]})["y"], affine(wide[::-1, :4]))
    flat = np.zeros(4 * 3 * 4 + 4, np.uint8)[4:].view(np.float32).reshape(3, 4)
    np.testing.assert_array_equal(engine.run({"x": flat})["y"], affine(flat))


def test_results_belong_to_the_caller(engine: Engine) -> None:
    first = engine.run({"x": batch(5)})["y"]
    kept = first.copy()
    engine.run({"x": batch(6)})
    np.testing.assert_array_equal(first, kept)


def test_preallocated_outputs(engine: Engine) -> None:
    x, y = batch(4), np.zeros((4, 4), np.float32)
    assert engine.run({"x": x}, {"y": y})["y"] is y
    np.testing.assert_array_equal(y, affine(x))
    strided = np.zeros((4, 8), np.float32)[:, ::2]
    engine.run({"x": x}, {"y": strided})
    np.testing.assert_array_equal(strided, affine(x))


class Tensor:
    """An array of another library: nothing of numpy but the DLPack protocol."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


def test_dlpack_in_host_memory(engine: Engine) -> None:
    x, y = batch(4), np.zeros((4, 4), np.float32)
    np.testing.assert_array_equal(engine.run({"x": Tensor(x)})["y"], affine(x))
    target = Tensor(y)
    assert engine.run({"x": x}, {"y": target})["y"] is target
    np.testing.assert_array_equal(y, affine(x))


BAD_INPUTS: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "wrong names"),
    "another name": ({"z": batch(1)}, "wrong names"),
    "one too many": ({"x": batch(1), "z": batch(1)}, "wrong names"),
    "no mapping": ([batch(1)], "mapping"),
    "wrong type": ({"x": batch(1).astype(np.float64)}, "wrong type"),
    "other byte order": ({"x": batch(1).astype(">f4")}, "wrong type"),
    "rank": ({"x": batch(1)[0]}, "number of dimensions"),
    "fixed size": ({"x": np.zeros((1, 5), np.float32)}, "wrong size in axis 1"),
    "batch too large": ({"x": batch(33)}, "outside its range 1..32"),
    "empty batch": ({"x": batch(0)}, "outside its range 1..32"),
    "list": ({"x": [[1.0, 2.0, 3.0, 4.0]]}, "DLPack"),
    "strided tensor": ({"x": Tensor(batch(4).T.copy().T)}, "not contiguous"),
    "tensor of another type": ({"x": Tensor(batch(4).astype(np.int32))}, "wrong type"),
    "complex tensor": ({"x": Tensor(batch(4).astype(np.complex64))}, "not supported"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_inputs(engine: Engine, name: str) -> None:
    inputs, reason = BAD_INPUTS[name]
    with pytest.raises(InputError, match=reason):
        engine.run(inputs)


def test_an_unknown_name_is_told_with_the_one_that_is_meant(engine: Engine) -> None:
    for inputs, hint in (
        ({"X": batch(1)}, "the plan has no input 'X'; is 'x' meant?"),
        ({"image": batch(1)}, "the plan has no input 'image'; is 'x' meant?"),
        ({"x": batch(1), "z": 0}, "the plan has no input 'z'; if it is an initializer of the model"),
        ({"a": 0, "b": 0}, "the plan has no input 'a'; if it is an initializer of the model"),
    ):
        with pytest.raises(InputError) as caught:
            engine.run(inputs)
        assert caught.value.hint is not None and caught.value.hint.startswith(hint)


def test_input_errors_list_what_is_wanted_and_given(engine: Engine) -> None:
    with pytest.raises(InputError) as caught:
        engine.run({"x": np.zeros((2, 5), np.int8)})
    assert "wanted: 'x': f32[N, 4] where 'N' in 1..32" in str(caught.value)
    assert "given:  'x': int8[2, 5]" in str(caught.value)


def test_bad_outputs(engine: Engine) -> None:
    read_only = np.zeros((2, 4), np.float32)
    read_only.flags.writeable = False
    for outputs in (
        {"z": np.zeros((2, 4), np.float32)},
        {"y": np.zeros((3, 4), np.float32)},
        {"y": np.zeros((2, 4), np.float64)},
        {"y": read_only},
        {"y": 3},
    ):
        with pytest.raises(InputError):
            engine.run({"x": batch(2)}, outputs)


def test_profile_and_time(engine: Engine) -> None:
    records = engine.profile({"x": batch(32)}, repeats=3)
    assert [(record.name, record.op, record.grid) for record in records] == [
        ("k0_double", "double", (4, 1, 1)),
        ("k1_add", "add", (4, 1, 1)),
    ]
    assert all(record.microseconds > 0 for record in records)
    times = engine.time({"x": batch(32)}, repeats=4, warmup=1)
    assert len(times) == 4 and min(times) > 0
    with pytest.raises(InputError, match="repeats"):
        engine.time({"x": batch(1)}, repeats=0)


def test_sixteen_threads_on_one_engine(engine: Engine) -> None:
    wrong: list[int] = []

    def work(seed: int) -> None:
        for size in range(1, 9):
            x = batch(size) + seed
            if not np.array_equal(engine.run({"x": x})["y"], affine(x)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_context_belongs_to_its_thread(engine: Engine) -> None:
    context = engine.context()
    x = batch(2)
    np.testing.assert_array_equal(context.run({"x": x})["y"], affine(x))
    caught: list[Exception] = []

    def misuse() -> None:
        try:
            context.run({"x": x})
        except DeviceError as error:
            caught.append(error)

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join()
    assert "another thread" in str(caught[0])
    context.close()
    with pytest.raises(DeviceError, match="closed"):
        context.run({"x": x})


def test_a_closed_engine_says_so(host_plan: Plan) -> None:
    engine = load(host_plan, "host")
    engine.run({"x": batch(1)})
    engine.close()
    with pytest.raises(DeviceError, match="this engine is closed"):
        engine.run({"x": batch(1)})
    with pytest.raises(DeviceError, match="this engine is closed"):
        engine.context()


def test_shapes_that_break_the_plan_between_its_corners() -> None:
    def bump(manifest: dict[str, Any]) -> None:
        hump = ["*", ["max", 0, ["-", 1, ["max", ["-", "N", 16], ["-", 16, "N"]]]], 4096]
        manifest["buffers"][2]["bytes"] = ["+", ["*", "N", 16], hump]

    engine = load(affine_plan(bump, headers=real_headers()), "host")
    engine.run({"x": batch(15)})
    with pytest.raises(PlanError, match="cannot run with these shapes"):
        engine.run({"x": batch(16)})


def test_engines_are_freed_without_the_collector(host_plan: Plan) -> None:
    gc.collect()
    gc.disable()
    try:
        engine = load(host_plan, "host")
        engine.run({"x": batch(1)})
        core = engine._core
        freed = threading.Event()
        weakref.finalize(core.executable, freed.set)
        del engine, core
        assert freed.is_set()
    finally:
        gc.enable()
