"""Greedy decoding with two plans and one cache: a prompt at once, then token after token.

    python -m examples.decode [--tokens 24] [--device cuda:0] [--precision fp32]

A small decoder of language with random weights, its keys and values in a cache of a fixed size that both
plans write in place. The plan for prompts is made for any length, that for a token for one: how long a
sequence is, is data, so a GPU captures it once. The next token is chosen on the device. Every token is
compared with those of a reference in numpy; exit code 1 where one differs, or logits are further away than
they may be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import glassrt
import numpy as np

from benchmarks.common.decoder_model import decoder_model
from benchmarks.common.decoder_nodes import Spelling
from benchmarks.common.decoder_numpy import NumpyDecoder
from benchmarks.common.decoder_weights import SMALL, DecoderShape, Weights

Array = np.ndarray[Any, Any]
PROMPT = (3, 14, 15, 9, 26)
MOST = {"fp32": 1e-4, "fp16": 0.03}  # ‖ours − reference‖ / ‖reference‖ of logits
DTYPES = {"fp32": "float32", "fp16": "float16"}


def cache_names(shape: DecoderShape) -> list[str]:
    """The caches of all layers."""
    return [f"{layer}.{part}" for layer in range(shape.layers) for part in ("key", "value")]


def plans(
    weights: Weights, room: int, target: str | None, precision: str
) -> tuple[glassrt.Plan, glassrt.Plan]:
    """The plan of a prompt and that of a token, with caches of ROOM tokens."""
    in_place = {f"present.{name}": f"past.{name}" for name in cache_names(weights.shape)}
    spelling, found = Spelling("tensor_scatter"), []
    for tokens, shapes in (("tokens", {"tokens": (1, min(8, room), room)}), (1, None)):
        model = decoder_model(weights, spelling, 1, room, tokens, chosen=True)
        found.append(
            glassrt.compile(model, target=target, precision=precision, shapes=shapes, in_place=in_place)
        )
    return found[0], found[1]


@dataclass(frozen=True)
class Decoder:
    """Engines of both plans, and the caches that they write."""

    prompt: glassrt.Engine
    token: glassrt.Engine
    caches: Mapping[str, Array]

    def tokens(self, prompt: tuple[int, ...], count: int) -> Iterator[tuple[int, Array]]:
        """COUNT tokens behind PROMPT, with the logits that each was chosen by."""
        ids, position, engine = np.array([prompt]), 0, self.prompt
        for _ in range(count):
            places = position + np.arange(ids.shape[1])[None]
            results = engine.run({"input_ids": ids, "position_ids": places, **self.caches})
            position, engine = position + ids.shape[1], self.token
            ids = np.asarray(results["next_ids"])
            yield int(ids[0, 0]), np.asarray(results["logits"])[0, 0]


def reference(weights: Weights, prompt: tuple[int, ...], count: int) -> Iterator[tuple[int, Array]]:
    """The same in numpy, a token at a time from an empty cache."""
    shape = weights.shape
    empty = np.zeros((1, shape.kv_heads, 0, shape.depth))
    decoder = NumpyDecoder(weights, [empty] * (2 * shape.layers))
    given, position = list(prompt), 0
    for _ in range(count):
        for token in given:
            logits = decoder.step(np.array([token]), np.array([position]))[0]
            position += 1
        given = [int(logits.argmax())]
        yield given[0], logits


def decode(tokens: int, device: str, precision: str, prompt: tuple[int, ...] = PROMPT) -> tuple[float, bool]:
    """Decode TOKENS behind PROMPT until the cache is full; the largest error of logits, and whether all
    tokens are the reference's."""
    weights = Weights(SMALL, DTYPES[precision])
    room = len(prompt) + tokens - 1
    target = "host" if device == "host" else None
    size = (1, SMALL.kv_heads, room, SMALL.depth)
    caches = {f"past.{name}": np.zeros(size, DTYPES[precision]) for name in cache_names(SMALL)}
    first, then = plans(weights, room, target, precision)
    worst, same = 0.0, True
    with glassrt.load(first, device) as prompts, glassrt.load(then, device) as steps:
        found = Decoder(prompts, steps, caches).tokens(prompt, tokens)
        for (have, logits), (want, wanted) in zip(found, reference(weights, prompt, tokens), strict=True):
            error = float(np.linalg.norm(logits - wanted) / np.linalg.norm(wanted))
            worst, same = max(worst, error), same and have == want
            print(f"token {have:4}  reference {want:4}  error of logits {error:.1e}")
            if have != want:
                break  # what follows is of another text
    return worst, same


def main() -> int:
    command = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("--tokens", type=int, default=24)
    command.add_argument("--device", default="host")
    command.add_argument("--precision", default="fp32", choices=MOST)
    options = command.parse_args()
    worst, same = decode(options.tokens, options.device, options.precision)
    print(
        "the same tokens" if same else "other tokens",
        f"as the reference; logits differ by {worst:.1e} at most",
    )
    return 0 if same and worst <= MOST[options.precision] else 1


if __name__ == "__main__":
    sys.exit(main())
