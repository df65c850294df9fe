"""Calibration tables as text and files: read back as written, edited by hand, damaged in every way."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt import CalibrationError, CalibrationTable, InputError
from glassrt.compiler.files.beside import HISTOGRAMS_SUFFIX
from glassrt.compiler.precision.scales.calibrators import CALIBRATORS, Estimate
from glassrt.compiler.precision.scales.histogram import Histogram
from glassrt.compiler.precision.scales.noise import INT8
from glassrt.compiler.precision.scales.table import TensorCalibration
from glassrt.compiler.precision.scales.table_text import TableValues
from hypothesis import given
from hypothesis import strategies as st

MODEL = "0123456789abcdef"


def histogram(*samples: float) -> Histogram:
    found = Histogram()
    found.add(np.array(samples, np.float32))
    return found


@pytest.fixture
def table() -> CalibrationTable:
    gaussian = np.random.default_rng(0).standard_normal(5000)
    histograms = {
        'odd "name" # ü\n': histogram(*gaussian),
        "zeros": histogram(0.0, 0.0),
        "lost": histogram(np.nan, np.inf),
        "y": histogram(1.0, -2.0, 0.0, np.nan),
    }
    return CalibrationTable.of(MODEL, "entropy", 3, histograms)


# ---------------------------------------------------------------- round trips


def test_a_table_reads_back_as_it_was_written(table: CalibrationTable) -> None:
    assert CalibrationTable.parse(table.text) == table
    assert CalibrationTable.parse(table.text).text == table.text


def test_a_file_keeps_the_histograms_beside_it(table: CalibrationTable, tmp_path: Path) -> None:
    path = tmp_path / "net.table"
    table.save(path)
    again = CalibrationTable.load(path)
    assert again == table and again.histograms == table.histograms
    assert [file.name for file in sorted(tmp_path.iterdir())] == [
        "net.table",
        f"net.table{HISTOGRAMS_SUFFIX}",
    ]
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    again.save(path)
    assert before == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "copied", [lambda table: pickle.loads(pickle.dumps(table)), copy.deepcopy, copy.copy]
)
def test_a_table_can_be_pickled_and_copied(
    table: CalibrationTable, copied: Callable[[CalibrationTable], CalibrationTable]
) -> None:
    """To be handed to other processes; what comes out is a table as good as the first."""
    again = copied(table)
    assert again == table and again.text == table.text and again.histograms == table.histograms
    assert again.with_calibrator("mse") == table.with_calibrator("mse")
    with pytest.raises(TypeError):
        again.tensors["y"] = table["y"]  # type: ignore[index]


def test_a_deep_copy_shares_no_histogram(table: CalibrationTable) -> None:
    copy.deepcopy(table).histograms["y"].add(np.array([5.0], np.float32))
    assert table.histograms["y"].largest == 2.0


shorts = st.floats(width=32, allow_nan=False)
decibels = st.floats(allow_nan=False)
clips = st.one_of(st.just(0.0), st.floats(2.0**-100, 2.0**100, width=32))
rows = st.builds(Estimate, clips, st.floats(0, 1), decibels, decibels)
counts = st.integers(0, 10**17)
values = st.builds(TableValues, counts, counts, counts, counts, shorts, shorts)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def tensors(draw: Any) -> TensorCalibration:
    estimates = draw(st.dictionaries(st.sampled_from(list(CALIBRATORS)), rows, max_size=4))
    seen = draw(st.none() | values)
    if estimates and draw(st.booleans()):
        # Of calibrators with the same scale the text does not tell which one it was.
        scales = {INT8.scale(row.clip): name for name, row in reversed(estimates.items())}
        name = draw(st.sampled_from(list(scales.values())))
        return TensorCalibration(estimates[name].clip, name, estimates, seen)
    scale = draw(st.floats(2.0**-100, 2.0**100, width=32).filter(lambda x: x != 1.0))
    taken = {INT8.scale(row.clip) for row in estimates.values()}
    kept = {} if np.float32(scale) in taken else estimates
    return TensorCalibration(float(np.float32(scale)) * INT8.top, "given", kept, seen)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(0, 10**17),
       st.dictionaries(names, tensors(), max_size=4))  # fmt: skip
def test_any_table_reads_back(model: str, batches: int, entries: dict[str, TensorCalibration]) -> None:
    table = CalibrationTable(model, "mse-fp8", batches, entries)
    again = CalibrationTable.parse(table.text)
    assert (again.model, again.batches, list(again.tensors)) == (model, batches, list(entries))
    for name, tensor in entries.items():
        assert again[name].scale() == tensor.scale()
        assert again[name].clip == pytest.approx(tensor.clip, rel=1e-6)
        assert (again[name].estimates, again[name].values) == (tensor.estimates, tensor.values)
    assert again.text == CalibrationTable.parse(again.text).text


# ---------------------------------------------------------------- edits


def edited(table: CalibrationTable, name: str, scale: str) -> CalibrationTable:
    head, rest = table.text.split(f'tensor "{name}"')
    return CalibrationTable.parse(
        head + f'tensor "{name}"' + re.sub(r"scale \S+", f"scale {scale}", rest, count=1)
    )


def test_a_scale_may_be_changed_by_hand(table: CalibrationTable) -> None:
    changed = edited(table, "y", "0.125")
    assert (changed["y"].scale(), changed["y"].chosen_by, changed["y"].clip) == (0.125, "given", 0.125 * 127)
    assert changed["y"].scale("fp8") == np.float32(0.125 * 127 / 448)
    assert changed["zeros"] == table["zeros"]
    assert CalibrationTable.parse(changed.text) == changed == table.with_scale("y", 0.125)


def test_the_name_of_a_calibrator_stands_for_its_scale(table: CalibrationTable) -> None:
    name = next(iter(table.tensors))
    head = table.text.index("  scale")
    text = table.text[:head] + re.sub(r"scale \S+", "scale percentile-99.9", table.text[head:], count=1)
    chosen = CalibrationTable.parse(text)[name]
    assert chosen.chosen_by == "percentile-99.9"
    assert chosen.clip == table[name].estimates["percentile-99.9"].clip != table[name].clip


def test_the_scales_are_those_of_the_clips(table: CalibrationTable) -> None:
    entry = replace(table["y"], clip=12.7)
    assert entry.scale() == np.float32(0.1) and entry.scale("fp8") == np.float32(12.7 / 448)
    assert table["zeros"].scale() == table["lost"].scale() == 1


def test_another_calibrator_needs_the_histograms_alone(table: CalibrationTable, tmp_path: Path) -> None:
    table.save(tmp_path / "t")
    other = CalibrationTable.load(tmp_path / "t").with_calibrator("min-max")
    assert other["y"].clip == 2.0 and other["y"].chosen_by == other.calibrator == "min-max"
    assert other == CalibrationTable.of(MODEL, "min-max", 3, table.histograms)
    (tmp_path / f"t{HISTOGRAMS_SUFFIX}").unlink()
    with pytest.raises(CalibrationError, match="histogram of tensor 'odd"):
        CalibrationTable.load(tmp_path / "t").with_calibrator("min-max")
    with pytest.raises(InputError, match="no calibrator 'max'"):
        table.with_calibrator("max")


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), 1e-45])
def test_a_scale_that_is_none_is_refused(table: CalibrationTable, scale: float) -> None:
    with pytest.raises(CalibrationError, match="no scale for 'y'"):
        table.with_scale("y", scale)


def test_a_tensor_that_is_missing_is_named(table: CalibrationTable) -> None:
    table.check(MODEL, ["y", "zeros"])
    with pytest.raises(CalibrationError, match="no tensor 'z'"):
        table["z"]
    with pytest.raises(CalibrationError, match="no scale for 'a', 'b', 'c' and 2 more"):
        table.check(MODEL, ["y", *"abcde"])


def test_a_table_of_another_model_is_refused(table: CalibrationTable) -> None:
    with pytest.raises(CalibrationError, match="made for another model: 0123456789abcdef, not fedc"):
        table.check("fedc", table.tensors)


# ---------------------------------------------------------------- hostile files


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", None], ids=["binary", "empty", "missing"])
def test_a_file_that_is_no_table_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "net.table"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CalibrationError, match=r"net\.table"):
        CalibrationTable.load(path)


def test_damaged_histograms_are_refused(table: CalibrationTable, tmp_path: Path) -> None:
    path = tmp_path / "t"
    table.save(path)
    beside = tmp_path / f"t{HISTOGRAMS_SUFFIX}"
    whole = beside.read_bytes()
    for content in (b"", b"PK\3\4", whole[: len(whole) // 2], np.zeros(3).tobytes()):
        beside.write_bytes(content)
        with pytest.raises(CalibrationError, match=r"t\.hist\.npz"):
            CalibrationTable.load(path)


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("counts", lambda a: -a),
        ("counts", lambda a: a + 1),
        ("counts", lambda a: a[:, :100]),
        ("counts", lambda a: a.astype(np.float64)),
        ("exponent", lambda a: a + 1),
        ("exponent", lambda a: a * 0 + 10**9),
        ("exponent", lambda a: a.astype(object)),
        ("count", lambda a: a + 1),
        ("zeros", lambda a: a - 9),
        ("maximum", lambda a: a * np.nan),
        ("smallest", lambda a: -a),
        ("minimum", lambda a: a[:1]),
        ("head", lambda a: a[:-1]),
        ("head", lambda a: np.frombuffer(b"[1]", np.uint8)),
        ("head", lambda a: np.frombuffer(b'{"format": 9}', np.uint8)),
        ("head", lambda a: np.frombuffer(a.tobytes().replace(MODEL.encode(), b"another"), np.uint8)),
        ("head", lambda a: np.frombuffer(a.tobytes().replace(b'"y"', b"17"), np.uint8)),
    ],
)
def test_histograms_that_contradict_themselves_are_refused(
    member: str, change: Any, table: CalibrationTable, tmp_path: Path
) -> None:
    path = tmp_path / "t"
    table.save(path)
    beside = tmp_path / f"t{HISTOGRAMS_SUFFIX}"
    with np.load(beside) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(beside, **{**arrays, member: change(arrays[member])})
    with pytest.raises(CalibrationError, match=r"t\.hist\.npz"):
        CalibrationTable.load(path)
