"""How fast is a batch of sequences of mixed lengths without padding, beside the padded one, and how exact?

    python -m benchmarks.ragged --out benchmarks/results/ragged.json

BERT-base as torch.onnx exports it, with random weights, fp16 by policy. Lengths are drawn log-normally, as
those of sentences and paragraphs are: the logarithm deviates by 0.6 around that of 0.4 of the longest, and
what is longer is cut. `ms` is time on the device, `run_ms` that of `Engine.run` from and to host memory with
what it computes of the mask; medians over batches of other lengths in turn. Errors are of tokens that are
there, against ONNX Runtime in fp32.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import glassrt
import numpy as np
import onnxruntime
from glassrt import Engine

from .common.encoder_model import BERT_BASE, encoder_model
from .common.rows import Row, parser, relative_error, report, rounded

Array = np.ndarray[Any, Any]
MASK = "attention_mask"
BATCHES = 8  # of other lengths


def drawn(batch: int, tokens: int, random: np.random.Generator) -> dict[str, Array]:
    """Sequences of random lengths, padded to TOKENS; the first one has as many."""
    lengths = np.exp(random.normal(np.log(0.4 * tokens), 0.6, batch)).astype(int).clip(2, tokens)
    lengths[0] = tokens
    ids = random.integers(0, BERT_BASE.vocabulary, (batch, tokens))
    mask = (np.arange(tokens) < lengths[:, None]).astype(np.int64)
    return {"input_ids": ids * mask, MASK: mask, "token_type_ids": np.zeros_like(ids)}


def device_ms(engine: Engine, batches: list[dict[str, Array]]) -> float:
    """Median milliseconds on the device, over all BATCHES."""
    return round(median(each for inputs in batches for each in engine.time(inputs, repeats=30, warmup=5)), 4)


def run_ms(engine: Engine, batches: list[dict[str, Array]]) -> float:
    """Median milliseconds of a run from and to host memory, with BATCHES in turn."""
    taken = []
    for number in range(16 * len(batches)):
        inputs = batches[number % len(batches)]
        start = time.perf_counter()
        engine.run(inputs)
        taken.append((time.perf_counter() - start) * 1e3)
    return round(median(taken[4 * len(batches) :]), 4)


def measure(batch: int, tokens: int, model: bytes) -> Iterator[Row]:
    """The rows of the padded plan, and of the one without padding."""
    random = np.random.default_rng(batch * tokens)
    batches = [drawn(batch, tokens, random) for _ in range(BATCHES)]
    kept = batches[0][MASK].astype(bool)
    want = onnxruntime.InferenceSession(model).run(None, batches[0])[0][kept]
    shapes = {"N": (batch, batch, batch), "S": (tokens, tokens, tokens)}
    before = 0.0
    for unpadded in (None, MASK):
        plan = glassrt.compile(model, precision="fp16", shapes=shapes, unpadded=unpadded)
        with glassrt.load(plan, "cuda:0") as engine:
            got = engine.run(batches[0])["last_hidden_state"]
            row: Row = {"batch": batch, "tokens": tokens, "padding": unpadded is None}
            row["there"] = rounded(float(np.mean([each[MASK].mean() for each in batches])))
            row["launches"] = len(plan.manifest["launches"])
            row["relative_error"] = rounded(relative_error(got[kept], want))
            row["zeros_in_padding"] = not got[~kept].any()
            row["ms"], row["run_ms"] = device_ms(engine, batches), run_ms(engine, batches)
            if unpadded is not None:
                row["times_faster"] = rounded(before / row["ms"])
            before = row["ms"]
        yield row


def measured(cases: str) -> Iterator[Row]:
    """The rows of each of CASES."""
    model = encoder_model(BERT_BASE).SerializeToString()
    for case in cases.split(","):
        batch, tokens = (int(part) for part in case.split(":"))
        yield from measure(batch, tokens, model)


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--cases", default="32:128,32:384,8:128", help="batch:tokens, separated by commas")
    arguments = command.parse_args()
    report(measured(arguments.cases), arguments.out)


if __name__ == "__main__":
    main()
