"""The exported model says what the compiler chose: to ONNX Runtime, and to the compiler itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.scales.names import model_hash
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto, numpy_helper

from ...e2e.quantizing import contractions, lowered, multiplied
from ...growth import assert_growth
from ...models import Array
from ...places import DIGITS
from ...quantized import simplified, small_network
from .exported import runtime
from .odd_networks import ODD, Draft, inputs

HELD_OUT = DIGITS.with_name("digits_test.npz")
# dB of signal over the difference from ONNX Runtime: we store f16 where it has f32, which now and then
# tips a number over to the next step of eight bits. Quantization itself leaves 30 to 38.
SQNR = 40.0


@lru_cache(maxsize=1)
def table() -> glassrt.CalibrationTable:
    return glassrt.calibrate(DIGITS, HELD_OUT, device="interpret", shapes={"N": (1, 60, 64)}, limit=2)


def decibels(have: Array, want: Array) -> float:
    noise = np.sum((have.astype(np.float64) - want) ** 2)
    return float(10 * np.log10(np.sum(want.astype(np.float64) ** 2) / max(noise, 1e-300)))


def assert_round_trip(
    model: ModelProto, made: glassrt.CalibrationTable, precision: str, feeds: Mapping[str, Array]
) -> ModelProto:
    """MODEL exported: ONNX Runtime agrees, and built anew it is the same program; the exported model."""
    exported = glassrt.export_qdq(model, made, precision=precision)
    onnx.checker.check_model(exported, full_check=True)
    direct, _ = lowered(model, precision, made)
    again, _ = lowered(exported, precision)
    want, have = (interpret(module, dict(feeds)) for module in (direct, again))
    assert want.keys() == have.keys()
    for name in want:
        np.testing.assert_array_equal(have[name], want[name])
    types = [[multiplied(kernel) for kernel in contractions(module)] for module in (direct, again)]
    assert types[0] == types[1]
    short = "i8" if precision == "int8" else "f8e4m3"
    assert (short, short) in types[0]
    for name, array in runtime(exported, feeds).items():
        found = decibels(want[name], array)
        print(f"{name}: {found:.1f} dB")
        assert found > SQNR
    return exported


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_the_digits_network_makes_a_round_trip(precision: str) -> None:
    model, images = onnx.load(DIGITS), np.load(HELD_OUT)["image"][:64]
    exported = assert_round_trip(model, table(), precision, {"image": images})
    assert exported.opset_import[0].version == (17 if precision == "int8" else 19)


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_every_kind_of_layer_makes_a_round_trip(precision: str, tmp_path: Path) -> None:
    model = simplified(small_network(), tmp_path)
    rng = np.random.default_rng(2)
    batches = [{"x": rng.standard_normal((4, 3, 32, 32)).astype(np.float32)} for _ in range(2)]
    made = glassrt.calibrate(model, batches, device="interpret", shapes={"N": (1, 4, 8)})
    assert_round_trip(model, made, precision, batches[0])


@pytest.mark.parametrize("name", ODD)
def test_an_odd_network_makes_a_round_trip(name: str) -> None:
    model = ODD[name]()
    batches = inputs(model, 2)
    made = glassrt.calibrate(model, batches, device="interpret")
    assert_round_trip(model, made, "int8", batches[0])


def test_all_stored_tensors_are_within_a_step_of_onnx_runtime() -> None:
    exported = glassrt.export_qdq(DIGITS, table())
    scales = {}
    for node in exported.graph.node:
        if node.op_type == "QuantizeLinear":
            name = f"{node.input[0]}_dequantized"
            scales[name] = table()[node.input[0]].scale()
            exported.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
    feeds = {"image": np.load(HELD_OUT)["image"][60:124]}
    module, _ = lowered(exported, "int8")
    have, want = interpret(module, feeds), runtime(exported, feeds)
    apart = {name: np.rint(np.abs(have[name] - want[name]) / scale) for name, scale in scales.items()}
    share = {name: float(np.mean(steps > 0)) for name, steps in apart.items()}
    print({name: f"{100 * value:.3f} %" for name, value in share.items()})
    assert len(apart) == 6
    assert all(steps.max() <= 1 for steps in apart.values())
    assert max(share.values()) < 0.002


# ---------------------------------------------------------------- what is written


def test_names_stay_and_scales_are_those_of_the_table() -> None:
    model = onnx.load(DIGITS)
    exported = glassrt.export_qdq(model, table())
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in exported.graph.initializer}
    old, new = ({node.name: node for node in each.graph.node} for each in (model, exported))
    gone = {node.op_type for name, node in old.items() if name not in new}
    assert gone == {"BatchNormalization"}  # folded into the weights
    tensors = {name for node in exported.graph.node for name in node.output}
    assert {f"relu_{number}_out" for number in (2, 5, 9, 13, 16, 19)} <= tensors
    quantized = [node for node in exported.graph.node if node.op_type == "QuantizeLinear"]
    assert len(quantized) == 6
    for node in quantized:
        scale, zero = stored[node.input[1]], stored[node.input[2]]
        assert scale.shape == () and scale == table()[node.input[0]].scale()
        assert zero.dtype == np.int8 and zero == 0
    weights = [node for node in exported.graph.node if node.input[0] in stored]
    assert len(weights) == 6 and all(node.op_type == "DequantizeLinear" for node in weights)
    for node in weights:
        numbers, scales = stored[node.input[0]], stored[node.input[1]]
        assert numbers.dtype == np.int8 and scales.shape == numbers.shape[:1]
        assert (np.abs(numbers.astype(np.int32)).max(axis=(1, 2, 3)) == 127).all()
    # The last product stays in floats, and so do its weights.
    assert new["gemm_22"].input[1] == old["gemm_22"].input[1]
    read = {name for node in exported.graph.node for name in node.input}
    assert set(stored) <= read


def test_a_table_from_the_exported_model_builds_the_same_plan() -> None:
    exported = glassrt.export_qdq(DIGITS, table())
    again = glassrt.CalibrationTable.from_qdq(exported, DIGITS)
    plans = [
        glassrt.compile(DIGITS, target="host", precision="int8", calibration=each)
        for each in (table(), again)
    ]
    assert plans[0].ir("launch") == plans[1].ir("launch")
    assert set(again.tensors) < set(table().tensors)


# ---------------------------------------------------------------- errors


def test_there_must_be_something_to_export() -> None:
    model = ODD["scaled_gemm"]()
    made = glassrt.calibrate(model, inputs(model), device="interpret")
    with pytest.raises(glassrt.InputError, match="int8 or fp8"):
        glassrt.export_qdq(model, made, precision="fp16")
    policy = glassrt.PrecisionPolicy("int8", {"op:matmul": "fp16"})
    with pytest.raises(glassrt.UnsupportedError, match="no contraction runs in int8"):
        glassrt.export_qdq(model, made, precision=policy)


def test_a_table_of_another_model_is_refused() -> None:
    with pytest.raises(glassrt.CalibrationError, match="made for another model"):
        glassrt.export_qdq(ODD["scaled_gemm"](), table())


def test_text_has_no_words_for_it(tmp_path: Path) -> None:
    plan = glassrt.compile(DIGITS, target="host")
    path = tmp_path / "net.ir"
    path.write_text(plan.ir("fused"), encoding="utf-8")
    with pytest.raises(glassrt.GlassError):
        glassrt.export_qdq(path, table())


def test_a_file_that_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.mkdir()
    with pytest.raises(glassrt.GlassError, match="cannot write"):
        glassrt.export_qdq(DIGITS, table(), path)
    assert [child.name for child in tmp_path.iterdir()] == ["there"]


def test_the_ledger_of_the_second_build_says_nothing_new() -> None:
    """Scales stand in the model, so that no pass puts any in."""
    _, ledger = lowered(glassrt.export_qdq(DIGITS, table()), "int8")
    assert not [r for r in ledger if r.rule == "insert-quantization" and r.verdict is Verdict.TAKEN]


# ---------------------------------------------------------------- time


def chain(length: int) -> ModelProto:
    """Products with one and the same weight, a normalisation of its own behind each."""
    net = Draft()
    w, y = net.weight(4, 4, 1, 1), "x"
    for _ in range(length // 3):
        y = net.add("Relu", net.norm(net.add("Conv", y, w), 4))
    return net.done((1, 4, 2, 2), y)


def test_the_time_is_linear() -> None:
    def export(model: ModelProto) -> None:
        network = load_module(model)
        clips = {value.tensor: 1.0 for op in network.main.block for value in op.results if value.tensor}
        glassrt.export_qdq(
            model, glassrt.CalibrationTable.from_clips(clips | {"x": 1.0}, model_hash(network))
        )

    assert_growth(chain, export, (60, 480), most=20)
