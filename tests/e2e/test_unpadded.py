"""Encoders of text without padding, with masks as exporters write them, against ONNX Runtime with padding."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from glassrt import Engine, InputError, UnsupportedError, bench, compile, load
from glassrt.compiler.driver.build import Settings, brought_to, chosen_targets, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.levels import LEVELS
from glassrt.compiler.reproducer.write import write_built
from glassrt.dialects.core.interpreter import interpret
from glassrt.runtime.plan import Plan
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.common.encoder_model import POOLED, SMALL, MaskSpelling, encoder_model

Array = np.ndarray[Any, Any]
DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
MASK, HIDDEN = "attention_mask", "last_hidden_state"
SHAPES = {"N": (0, 4, 8), "S": (1, 16, 40)}
POOLINGS = {"filled": "first", "scaled": "mean", "boolean": "none", "positions": "none"}


@cache
def model(spelling: MaskSpelling) -> bytes:
    made = encoder_model(SMALL, spelling, POOLINGS[spelling])  # type: ignore[arg-type]
    return bytes(made.SerializeToString())


@cache
def plan(spelling: MaskSpelling, precision: str = "fp32", device: str = "host") -> Plan:
    target = "host" if device == "host" else None
    return compile(model(spelling), target=target, precision=precision, shapes=SHAPES, unpadded=MASK)


@cache
def engine(spelling: MaskSpelling) -> Engine:
    return load(plan(spelling), "host")


def drawn(kept: Array) -> dict[str, Array]:
    random = np.random.default_rng(3)
    ids = random.integers(0, SMALL.vocabulary, kept.shape)
    types = random.integers(0, 2, kept.shape)
    return {"input_ids": ids, MASK: kept.astype(np.int64), "token_type_ids": types}


@cache
def session(spelling: MaskSpelling) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model(spelling), options)


def agree(got: dict[str, Array], spelling: MaskSpelling, inputs: dict[str, Array], bound: float) -> None:
    names = [each.name for each in session(spelling).get_outputs()]
    want = dict(zip(names, session(spelling).run(None, inputs), strict=True))
    kept = inputs[MASK].astype(bool)
    np.testing.assert_allclose(got[HIDDEN][kept], want[HIDDEN][kept], rtol=bound, atol=bound)
    assert not got[HIDDEN][~kept].any()
    if POOLED in want:
        there = kept[:, 0] if POOLINGS[spelling] == "first" else np.ones(len(kept), bool)
        np.testing.assert_allclose(got[POOLED][there], want[POOLED][there], rtol=bound, atol=bound)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.sampled_from(["filled", "scaled", "boolean"]))
@example([0, 0], "filled")
@example([1], "scaled")
@example([40, 0, 1, 40], "boolean")
@settings(max_examples=10, deadline=None)
def test_tokens_agree_with_the_padded_batch(lengths: list[int], spelling: MaskSpelling) -> None:
    kept = np.arange(max(*lengths, 1, 1)) < np.array(lengths)[:, None]
    inputs = drawn(kept)
    got = engine(spelling).run(inputs)
    agree(got, spelling, inputs, 1e-5)
    del inputs[MASK]
    again = engine(spelling).run(inputs, lengths=lengths)
    assert all(np.array_equal(again[name], got[name]) for name in got)


def test_padding_may_be_anywhere() -> None:
    kept = np.random.default_rng(0).random((5, 30)) < 0.6
    agree(engine("scaled").run(drawn(kept)), "scaled", drawn(kept), 1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_in_sixteen_bits(device: str) -> None:
    kept = np.arange(40) < np.array([40, 3, 0, 17, 1])[:, None]
    with load(plan("filled", "fp16", device), device) as made:
        agree(made.run(drawn(kept)), "filled", drawn(kept), 3e-2)


def test_every_level_means_the_same() -> None:
    kept = np.arange(20) < np.array([20, 0, 7])[:, None]
    inputs = drawn(kept)
    for level in LEVELS:
        made = Settings(unpadded=MASK)
        module = brought_to(level, load_module(model("positions"), None, SHAPES), made, context_of(made))
        agree(interpret(module, inputs), "positions", inputs, 1e-5)


def test_what_a_caller_gives_and_gets() -> None:
    made = engine("filled")
    assert [each.name for each in made.inputs] == ["input_ids", MASK, "token_type_ids"]
    assert Plan.from_bytes(plan("filled").to_bytes()).spec.unpadded == MASK
    inputs = drawn(np.ones((2, 5), bool))
    with pytest.raises(InputError, match="both lengths and the mask"):
        made.run(inputs, lengths=[5, 5])
    with pytest.raises(InputError, match="other numbers than 1"):
        made.run({**inputs, MASK: inputs[MASK] * 3})
    with pytest.raises(InputError, match=r"a length is outside 0\.\.5"):
        made.run({name: inputs[name] for name in inputs if name != MASK}, lengths=[5, 6])
    with pytest.raises(InputError, match="1 lengths are given for the 2 sequences of 'input_ids'"):
        made.run({name: inputs[name] for name in inputs if name != MASK}, lengths=[5])
    with pytest.raises(InputError, match="wrong names") as caught:
        made.run({name: inputs[name] for name in inputs if name != MASK})
    assert "'N' in 0..8, 'S' in 1..40\n" in str(caught.value)
    with pytest.raises(InputError, match=r"'attention_mask.tokens' is computed of 'attention_mask'"):
        made.run({**inputs, f"{MASK}.tokens": np.zeros(64, np.int32)})
    with pytest.raises(UnsupportedError, match="cannot be bound"):
        made.context().bind(inputs)


def test_padded_plans_take_no_lengths() -> None:
    padded = load(compile(model("filled"), target="host", shapes=SHAPES), "host")
    with padded, pytest.raises(InputError, match="lengths are for plans without padding"):
        padded.run(drawn(np.ones((1, 4), bool)), lengths=[4])


def test_a_bench_says_how_many_rows_it_ran() -> None:
    sizes = {"N": 8, "S": 40}
    found = bench(plan("filled"), device="host", sizes=sizes, repeats=1, warmup=0, profile_repeats=1)
    assert sizes.items() <= found.symbols.items() and 1 <= found.symbols["T"] < 8 * 40 / 64


def test_a_reproducer_expects_no_padding(tmp_path: Path) -> None:
    kept = np.arange(20) < np.array([20, 0, 7])[:, None]
    made = Settings(targets=chosen_targets("host", None), unpadded=MASK)
    write_built(tmp_path, model("filled"), drawn(kept), made, SHAPES)
    found = [np.fromfile(path, np.float32) for path in tmp_path.glob("expected_*.bin")]
    hidden = max(found, key=len).reshape(*kept.shape, SMALL.width)
    assert not hidden[~kept].any() and hidden[kept].all()
