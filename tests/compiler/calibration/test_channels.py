"""Calibration with smoothing: channels with outliers, on both kinds of devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt import CalibrationTable, calibrate, export_qdq
from glassrt.compiler.calibration.channels import smoothed
from glassrt.compiler.calibration.data import CalibrationSet
from glassrt.compiler.calibration.observe import Network
from glassrt.compiler.cli.app import app
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.settings.names import INTERPRET
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import InputError, UnsupportedError
from typer.testing import CliRunner

from ...quantized import Layers

TOKENS, WIDTH = 8, 32
OUTLIERS = [3, 17, 20]


def network() -> Any:
    """Products behind norms, three channels of which are a hundred times as large as the others, and meet
    weights that are small."""
    net = Layers(seed=3)
    x = "x"
    for _ in range(2):
        scale, weights = np.ones(WIDTH), np.random.default_rng(5).standard_normal((WIDTH, WIDTH)) / 6
        scale[OUTLIERS], weights[OUTLIERS] = 100, weights[OUTLIERS] / 30
        normal = net.add("LayerNormalization", x, net.stored(scale), net.stored(np.zeros(WIDTH)))
        x = net.add("Add", net.add("MatMul", net.add("Relu", net.add("MatMul", normal, net.stored(weights))),
                                   net.stored(weights * 2)), x)  # fmt: skip
    return net.model([4, TOKENS, WIDTH], net.add("MatMul", x, net.stored(np.eye(WIDTH))))


def batches(count: int = 3) -> list[dict[str, Any]]:
    random = np.random.default_rng(1)
    return [{"x": random.standard_normal((4, TOKENS, WIDTH), np.float32)} for _ in range(count)]


def decibels(table: CalibrationTable) -> float:
    """The SQNR of int8 with TABLE, on data that it was not made of."""
    data = np.random.default_rng(2).standard_normal((4, TOKENS, WIDTH), np.float32)
    outputs = []
    for settings in (Settings(), Settings(precision=as_policy("int8"), calibration=table)):
        module = brought_to("precision", load_module(network()), settings, context_of(settings))
        outputs.append(np.float64(next(iter(interpret(module, {"x": data}).values()))))
    want, have = outputs
    return float(10 * np.log10((want**2).sum() / ((have - want) ** 2).sum()))


def test_smoothing_saves_channels_beside_outliers() -> None:
    plain = calibrate(network(), batches(), calibrator="min-max", device=INTERPRET)
    table = calibrate(network(), batches(), calibrator="min-max", smooth=0.5, device=INTERPRET)
    assert plain.smoothing == {} and decibels(table) > decibels(plain) + 10
    again = CalibrationTable.parse(table.text)
    assert {name: powers.tolist() for name, powers in again.smoothing.items()} == {
        name: powers.tolist() for name, powers in table.smoothing.items()
    }
    first = next(iter(table.smoothing.values()))
    assert min(first[OUTLIERS]) >= 3 and not np.delete(first, OUTLIERS).any()
    with pytest.raises(UnsupportedError, match="without smoothing"):
        export_qdq(network(), table)


def test_a_device_finds_the_same_factors() -> None:
    found = []
    for device in (INTERPRET, "host"):
        made = smoothed(Network.of(network()), CalibrationSet(batches()), 0.5, device, None, True, None)
        found.append({name: powers.tolist() for name, powers in made.smoothing.items()})
    assert found[0] == found[1] and len(found[0]) == 4


def test_batches_are_run_twice() -> None:
    with pytest.raises(InputError, match="runs the batches twice"):
        calibrate(network(), iter(batches()), smooth=0.5, device=INTERPRET)


def test_the_command_smooths(tmp_path: Path) -> None:
    model, data, table = tmp_path / "m.onnx", tmp_path / "x.npz", tmp_path / "m.table"
    model.write_bytes(network().SerializeToString())
    np.savez(data, x=np.concatenate([batch["x"] for batch in batches()]))
    arguments = ["calibrate", str(model), str(data), "-o", str(table), "--interpret", "--smooth", "0.5"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert len(CalibrationTable.load(table).smoothing) == 4
    assert CliRunner().invoke(app, ["calibrate", str(model), "--from-histograms", str(table), "--smooth", "1",
                                    "-o", str(table)]).exit_code != 0  # fmt: skip
