"""Calibration tables as text and files: read back as written, edited by hand, damaged in every way."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt import CalibrationError, CalibrationTable, InputError
from glassrt.compiler.precision.scales.calibrators import CALIBRATORS, Estimate
from glassrt.compiler.precision.scales.histogram import Histogram
from glassrt.compiler.precision.scales.noise import INT8
from glassrt.compiler.precision.scales.table import HISTOGRAMS_SUFFIX, TensorCalibration
from glassrt.compiler.precision.scales.table_text import MOST_SCALE, TableValues
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


# ---------------------------------------------------------------- hostile text

GOOD = f"""format 1
model "{MODEL}"
calibrator entropy
batches 2
tensor "x"
  scale 0.5
  values 4 zeros 0 nan 0 infinite 0 min -1.0 max 2
  min-max clip 2.0 clipped 0 int8 40.0 fp8 inf
"""

VALUES, ROW = "values 0 zeros 0 nan 0 infinite 0 min 0 max 0", "min-max clip 1 clipped 0 int8 1 fp8 1"
BAD = {
    "no string": ('"x"', "x", r"line 5: the tensor's name is expected in double quotes, not 'x'"),
    "open string": ('tensor "x"', 'tensor "x', "line 5: a string is not closed"),
    "bad escape": ('tensor "x"', r'tensor "\q"', "line 5: the tensor's name is expected in double quotes"),
    "surrogate": ('tensor "x"', r'tensor "\ud800"', "line 5: the tensor's name is expected"),
    "empty name": ('tensor "x"', 'tensor ""', "line 5: the tensor's name is expected"),
    "twice": ('tensor "x"', 'tensor "x"\n scale 1\ntensor "x"', "line 7: the tensor 'x' is listed twice"),
    "two scales": ("scale 0.5", "scale 0.5\nscale 0.25", "line 7: the scale of 'x' is given twice"),
    "no scale": ("  scale 0.5\n", "", "t.table: the tensor 'x' has no scale"),
    "zero": ("scale 0.5", "scale 0", "line 6: the scale of 'x' is a number or a calibrator, not '0'"),
    "negative": ("scale 0.5", "scale -0.5", "line 6: the scale of 'x'"),
    "nan": ("scale 0.5", "scale nan", "line 6: the scale of 'x'"),
    "infinite": ("scale 0.5", "scale inf", "line 6: the scale of 'x'"),
    "underscore": ("scale 0.5", "scale 1_0", "line 6: the scale of 'x'"),
    "too large": ("scale 0.5", f"scale {2 * MOST_SCALE}", "line 6: the scale of 'x'"),
    "digits": ("scale 0.5", "scale 1e99999", "line 6: the scale of 'x'"),
    "unlisted": ("scale 0.5", "scale mse", "line 6: 'mse' is not listed for 'x'"),
    "more": ("scale 0.5", "scale 0.5 0.25", "line 6: '0.25' is not expected here"),
    "less": ("scale 0.5", "scale", "line 6: the scale is missing"),
    "values twice": ("  values", VALUES + "\n values", "line 8: the values"),
    "no count": ("values 4", "values four", "line 7: the number of elements is a whole number, not 'four'"),
    "key": ("zeros 0", "zeroes 0", "line 7: 'zeros' is expected, not 'zeroes'"),
    "cut": ("max 2\n", "max\n", "line 7: max is missing"),
    "row": ("min-max clip", "max clip", "line 8: 'max' is not a calibrator"),
    "row twice": ("  min-max", ROW + "\n  min-max", "line 9: 'min-max' is given"),
    "share": ("clipped 0", "clipped 1.5", "line 8: clipped is 1.5; it lies between 0 and 1"),
    "clip": ("clip 2.0", "clip -2.0", "line 8: clip is -2.0"),
    "format": ("format 1", "format 2", "line 1: the table has format 2; this version reads 1"),
    "no format": ("format 1\n", "", "t.table: the line 'format' is missing"),
    "no model": (f'model "{MODEL}"\n', "", "t.table: the line 'model' is missing"),
    "calibrator": ("calibrator entropy", "calibrator kl", "line 3: 'kl' is not a calibrator"),
    "header twice": ("batches 2", "batches 2\nbatches 3", "line 5: 'batches' is given twice"),
    "batches": ("batches 2", "batches -2", "line 4: batches is a whole number, not '-2'"),
    "header": ("batches 2", "batches 2\nbatch 3", "line 5: 'batch' is not known"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_what_is_wrong_is_said_with_its_line(fault: str) -> None:
    old, new, message = BAD[fault]
    assert GOOD.count(old) == 1 and CalibrationTable.parse(GOOD)["x"].chosen_by == "given"
    with pytest.raises(CalibrationError) as caught:
        CalibrationTable.parse(GOOD.replace(old, new), "t.table")
    span = caught.value.diagnostic.span
    assert re.match(message, f"line {span.line}: {caught.value.message}" if span else caught.value.message)
    assert "t.table" in str(caught.value)


@given(st.text() | st.lists(st.sampled_from(re.findall(r"\S+|\n", GOOD)), max_size=40).map(" ".join))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with suppress(CalibrationError):
        CalibrationTable.parse(text)


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_no_change_of_a_character_does_more_than_be_refused(place: int, character: str) -> None:
    with suppress(CalibrationError):
        CalibrationTable.parse(GOOD[:place] + character + GOOD[place + 1 :])


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", None], ids=["binary", "empty", "missing"])
def test_a_file_that_is_no_table_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "net.table"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CalibrationError, match=r"net\.table"):
        CalibrationTable.load(path)


# ---------------------------------------------------------------- hostile histograms


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
