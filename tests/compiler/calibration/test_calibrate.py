"""Calibration from end to end: which tensors are seen, what was in them, and on what they were run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnx
import onnxruntime
import pytest
from glassrt.compiler.calibration.calibrate import calibrate
from glassrt.compiler.calibration.observe import Network
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.precision.scales.histogram import Histogram
from glassrt.compiler.precision.scales.names import model_hash, tensor_names
from glassrt.errors import InputError, UnsupportedError
from onnx import helper

from ...places import DIGITS
from .small import WEIGHT, batches, network, siblings

Array = np.ndarray[Any, Any]
HELD_OUT = DIGITS.with_name("digits_test.npz")
RANGE = {"N": (1, 60, 64)}


def exact(inputs: list[dict[str, Array]]) -> dict[str, Array]:
    """The tensors of `network`, over all batches."""
    x = np.concatenate([batch["x"] for batch in inputs]).astype(np.float64)
    product = x @ WEIGHT
    summed = product + np.arange(3)
    kept = np.maximum(summed, 0)
    return {"x": x, "gemm/matmul": product, "sum": summed, "kept": kept, "y": kept}


@pytest.mark.parametrize("device", ["interpret", "host"])
def test_every_float_tensor_is_recorded_under_its_name(device: str) -> None:
    inputs = batches()
    table = calibrate(network(), inputs, device=device, calibrator="min-max")
    wanted = exact(inputs)
    assert set(table.tensors) == set(wanted), "integers and constants are not"
    for name, array in wanted.items():
        values = table[name].values
        assert values is not None
        assert (values.count, values.nans) == (array.size, 0)
        assert (values.minimum, values.maximum) == pytest.approx((array.min(), array.max()), rel=1e-5)
        assert table[name].clip == pytest.approx(np.abs(array).max(), rel=1e-5)
    assert (table.batches, table.calibrator) == (3, "min-max")


@pytest.fixture(scope="module")
def onnx_tensors() -> dict[str, Array]:
    """The digits network's tensors on its held-out images, as ONNX Runtime computes them."""
    model = onnx.load(DIGITS)
    kept = {output.name for output in model.graph.output}
    for node in model.graph.node:
        if node.output[0] not in kept:
            model.graph.output.append(helper.make_empty_tensor_value_info(node.output[0]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    image = np.load(HELD_OUT)["image"]
    return {"image": image, **dict(zip(names, session.run(names, {"image": image}), strict=True))}


@pytest.fixture(scope="module")
def digits() -> glassrt.CalibrationTable:
    return glassrt.calibrate(DIGITS, HELD_OUT, device="interpret", shapes=RANGE)


def test_tensors_with_an_onnx_name_hold_what_onnx_runtime_computes(
    digits: glassrt.CalibrationTable, onnx_tensors: dict[str, Array]
) -> None:
    shared = [name for name in digits.tensors if name in onnx_tensors]
    assert len(shared) >= 18 and {"image", "relu_2_out", "maxpool_10_out", "logits"} <= set(shared)
    for name in shared:
        values, array = digits[name].values, onnx_tensors[name]
        assert values is not None and values.count == array.size
        assert (values.minimum, values.maximum) == pytest.approx(
            (array.min(), array.max()), rel=1e-4, abs=1e-4
        )
    derived = set(digits.tensors) - set(onnx_tensors)
    assert derived == {f"conv_{n}/conv" for n in (0, 3, 6, 11, 14, 17)} | {"gemm_22/matmul"}


def test_the_host_sees_what_the_interpreter_sees(digits: glassrt.CalibrationTable) -> None:
    table = glassrt.calibrate(DIGITS, HELD_OUT, device="host", shapes=RANGE, limit=2)
    other = glassrt.calibrate(DIGITS, HELD_OUT, device="interpret", shapes=RANGE, limit=2)
    assert list(table.tensors) == list(other.tensors) == list(digits.tensors)
    for name, tensor in table.tensors.items():
        assert tensor.clip == pytest.approx(other[name].clip, rel=5e-3)
        moved = np.abs(table.histograms[name].counts - other.histograms[name].counts).sum()
        assert moved <= 0.002 * table.histograms[name].finite, "rounding moves a few across edges"


@pytest.mark.gpu
def test_the_gpu_sees_what_the_interpreter_sees(digits: glassrt.CalibrationTable) -> None:
    table = glassrt.calibrate(DIGITS, HELD_OUT, device="cuda", shapes=RANGE)
    for name, tensor in table.tensors.items():
        assert tensor.clip == pytest.approx(digits[name].clip, rel=5e-3)


def test_a_run_is_repeatable(digits: glassrt.CalibrationTable) -> None:
    again = glassrt.calibrate(DIGITS.read_bytes(), HELD_OUT, device="interpret", shapes=RANGE)
    assert again.text == digits.text and again.histograms == digits.histograms


def test_the_batches_may_be_cut_otherwise(digits: glassrt.CalibrationTable) -> None:
    image = np.load(HELD_OUT)["image"]
    pieces = ({"image": image[start : start + 7]} for start in range(0, len(image), 7))
    table = glassrt.calibrate(DIGITS, pieces, device="interpret")
    assert table["image"] == digits["image"]
    assert table["logits"].clip == pytest.approx(digits["logits"].clip, rel=1e-3)


def test_quantized_inputs_of_the_last_layer_lose_what_is_estimated(
    digits: glassrt.CalibrationTable, onnx_tensors: dict[str, Array]
) -> None:
    x = onnx_tensors["relu_9_out"].astype(np.float64)
    for name, row in digits["relu_9_out"].estimates.items():
        scale = row.clip / 127
        error = x - np.clip(np.rint(x / scale), -127, 127) * scale
        assert row.int8 == pytest.approx(10 * np.log10((x**2).sum() / (error**2).sum()), abs=0.2), name


# ---------------------------------------------------------------- names and hashes


def test_siblings_keep_their_own_tensors() -> None:
    shift = np.ones(3, np.float32)
    table = calibrate(siblings(), [{**batch, "shift": shift} for batch in batches()], device="interpret")
    assert list(table.tensors) == ["x", "shift", "p", "q", "s", "t"]
    assert table["p"].values is not None and table["q"].values is not None
    assert table["p"].values.maximum == -table["q"].values.minimum


def test_names_are_distinct_whatever_the_model_calls_its_tensors() -> None:
    model = network()
    for old, new in (("sum", "turn/transpose"), ("kept", "gemm/matmul")):
        for node in model.graph.node:
            for names in (node.input, node.output):
                for index, name in enumerate(names):
                    names[index] = new if name == old else name
    names = list(tensor_names(load_module(model).main).values())
    assert names == ["x", "gemm/matmul.2", "turn/transpose", "gemm/matmul", "y"]


def test_text_of_the_graph_level_is_calibrated_as_it_is_written(tmp_path: Path) -> None:
    plan = build(network(), Settings(cache=None)).plan
    path = tmp_path / "net.ir"
    path.write_text(plan.ir("graph").replace("%4", "%mine"), encoding="utf-8")
    table = calibrate(path, batches(), device="interpret")
    assert {"x", "y", "mine"} <= set(table.tensors)


def test_only_the_graph_level_is_calibrated(tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    path.write_text(build(network(), Settings(cache=None)).plan.ir("fused"), encoding="utf-8")
    with pytest.raises(glassrt.InputError, match="the fused level"):
        calibrate(path, batches(), device="interpret")


def test_the_hash_is_of_structure_and_weights_but_not_of_sizes() -> None:
    own = model_hash(load_module(network()))
    assert own == model_hash(load_module(network())) == Network.of(network().SerializeToString()).hash
    assert own == model_hash(load_module(network(), None, {"N": (1, 2, 3)}))
    assert own == model_hash(load_module(network(batch=6)))
    assert own == model_hash(load_module(network(), {"x": [9, 4]}))
    assert own != model_hash(load_module(network(WEIGHT + 1e-6)))
    assert own != model_hash(load_module(network(output="z")))
    other = network()
    other.graph.node[2].attribute[0].ints[:] = [0, 1]
    other.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, ["N", 3]))
    assert own != model_hash(load_module(other))


def test_a_table_is_only_for_its_model() -> None:
    table = calibrate(network(), batches(), device="interpret")
    table.check(Network.of(network(batch=4)).hash, table.tensors)
    with pytest.raises(glassrt.CalibrationError, match="another model"):
        table.check(Network.of(network(-WEIGHT)).hash)


# ---------------------------------------------------------------- the run


def test_progress_is_told_batch_by_batch() -> None:
    told: list[tuple[str, int, int]] = []

    def tell(*step: Any) -> None:
        told.append(step)

    calibrate(network(), batches(), device="interpret", progress=tell)
    assert told == [("calibrate", done, 3) for done in range(4)]
    told.clear()
    calibrate(
        network(), iter(batches()), device="interpret", progress=lambda *step: told.append(step), limit=2
    )
    assert told == [("calibrate", done, 0) for done in range(3)]


def test_no_more_batches_are_taken_than_are_wanted() -> None:
    taken = []

    def endless() -> Any:
        while True:
            taken.append(1)
            yield batches(1)[0]

    assert calibrate(network(), endless(), device="interpret", limit=4).batches == 4 == len(taken)


def test_batches_without_elements() -> None:
    """They say nothing: beside others they change nothing, alone they are refused."""
    empty = {"x": np.zeros((0, 4), np.float32)}
    table, mixed = (
        calibrate(network(), given, device="interpret", shapes={"N": (0, 8, 64)})
        for given in (batches(), [empty, *batches()])
    )
    assert {name: values.clip for name, values in table.tensors.items()} == {
        name: values.clip for name, values in mixed.tensors.items()
    }
    with pytest.raises(InputError, match="hold no elements"):
        calibrate(network(), [empty], device="interpret", shapes={"N": (0, 8, 64)})


def test_values_that_are_not_finite_are_counted_and_left_out() -> None:
    with np.errstate(over="ignore"), pytest.warns(UserWarning, match="which scales ignore"):
        table = calibrate(network(WEIGHT * np.float32(1e38)), batches(), device="interpret")
    values = table["sum"].values
    assert values is not None and values.infinities + values.nans > 0
    assert 0 < table["sum"].clip < np.inf


def test_a_model_that_only_passes_its_input_on_is_calibrated() -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "same",
        [helper.make_tensor_value_info("x", 1, ["N", 4])],
        [helper.make_tensor_value_info("y", 1, ["N", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    for device in ("interpret", "host"):
        table = calibrate(model, batches(), device=device)
        assert list(table.tensors) == ["x"] and table.histograms["x"].count == 60


def test_memory_does_not_grow_with_the_batches() -> None:
    table = calibrate(network(), batches(40), device="interpret")
    assert all(histogram.counts.shape == Histogram().counts.shape for histogram in table.histograms.values())
    assert table.histograms["x"].count == 40 * 20


def test_values_that_overflow_inside_the_network_are_warned_of() -> None:
    loud = [{"x": np.full((2, 4), 3e38, np.float32)}]
    weight = np.full((4, 3), 2, np.float32)
    with pytest.warns(UserWarning, match=r"not finite.*'sum' \(0 NaN and 6 infinite of 6\)"):
        calibrate(network(weight), loud, device="interpret")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibrate(network(weight), [{"x": np.ones((2, 4), np.float32)}], device="interpret")


def test_what_a_plan_cannot_be_made_for_is_refused_before_the_model_runs() -> None:
    def unread() -> Iterator[dict[str, Array]]:
        raise AssertionError("a batch was asked for")
        yield {}

    with pytest.raises(UnsupportedError, match="not a target"):
        glassrt.compile(network(), target="sm_x", precision="int8", calibration=unread())
