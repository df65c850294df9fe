"""How long does a token of a Llama-shaped decoder with a cache take on a GPU, beside PyTorch, in one run?

    python -m benchmarks.decode [--peers eager,compile,autotune] [--out benchmarks/results/decode.json]

A case is a batch and the tokens before the one that is timed; a third number says how many are timed, as for
a prompt, whose products' share of the rate of a large one in PyTorch is noted. Weights are random, in fp16,
or with --bits 4 or 8 in blocks of so many bits (MatMulNBits), which PyTorch has as floats. Ours has its past
and present by Concat, as torch.onnx exports it, or in a static cache that is written in place, as PyTorch's
is. All are CUDA graphs with everything on the device. `error` is of the logits against PyTorch in fp32. With
--plans FOLDER, plans and logits that are there are taken, and others are written there; with --build nothing
is timed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import glassrt
import torch

from .common.decoder_model import decoder_model, saved
from .common.decoder_module import TorchDecoder
from .common.decoder_nodes import Cache, Spelling
from .common.decoder_weights import BLOCK, LLAMA_1B, DecoderShape, Weights
from .common.peer_timing import autotuned, compiled, device_ms, eager, product_rate
from .common.rows import Row, median_ms, parser, report, rounded

COPY = 4.28e9  # bytes a millisecond
SPELLINGS = {cache: Spelling(cache) for cache in get_args(Cache)} | {
    "grouped": Spelling("grouped", "fused", "contributed")
}


PEERS = {"eager": eager, "compile": compiled, "autotune": autotuned}


@dataclass(frozen=True)
class DecodeCase:
    """Sequences of a batch, the tokens before those that are timed, and how many are timed."""

    batch: int
    past: int
    tokens: int = 1

    @property
    def room(self) -> int:
        """The size of a static cache for all tokens."""
        return -(-(self.past + self.tokens) // 256) * 256

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.batch}_{self.past}" + (f"_{self.tokens}" if self.tokens > 1 else "")

    @classmethod
    def of(cls, text: str) -> DecodeCase:
        """The case in TEXT: its numbers with colons between them."""
        return cls(*map(int, text.split(":")))


def plan_of(
    weights: Weights, cache: str, case: DecodeCase, folder: Path, chosen: bool = False
) -> glassrt.Plan:
    """The plan of CASE, which gives the next token, too, if that is to be CHOSEN; it is kept in FOLDER."""
    marks = (f"_{weights.bits}bits" if weights.bits else "") + ("_chosen" if chosen else "")
    kept = folder / f"decode_{weights.shape.layers}_{cache}_{case.name}{marks}.glass"
    if kept.exists():
        return glassrt.Plan.load(kept)
    spelling = SPELLINGS[cache]
    with tempfile.TemporaryDirectory() as scratch:
        past = case.room if spelling.static else case.past
        model = decoder_model(weights, spelling, case.batch, past, case.tokens, chosen)
        names = [f"{layer}.{part}" for layer in range(weights.shape.layers) for part in ("key", "value")]
        plan = glassrt.compile(
            str(saved(model, Path(scratch))),
            precision=glassrt.PrecisionPolicy("fp16"),
            in_place={f"present.{name}": f"past.{name}" for name in names} if spelling.static else None,
        )
    plan.save(kept)
    return plan


class Tokens:
    """The ids, positions and caches of CASE on the device."""

    def __init__(self, shape: DecoderShape, case: DecodeCase) -> None:
        torch.manual_seed(case.past)
        self.case = case
        self.ids = torch.randint(shape.vocabulary, (case.batch, case.tokens), device="cuda")
        self.positions = case.past + torch.arange(case.tokens, device="cuda")
        size = 2 * shape.layers, case.batch, shape.kv_heads, case.past, shape.depth
        self.caches = torch.randn(size, device="cuda", dtype=torch.float16)

    def given(self, spelling: Spelling) -> dict[str, Any]:
        """The inputs of our models."""
        case = self.case
        found: dict[str, Any] = {"input_ids": self.ids}
        found["position_ids"] = self.positions.expand(case.batch, -1).contiguous()
        rest = case.room - case.past if spelling.static else 0
        for at, cache in enumerate(self.caches):
            name = f"past.{at // 2}.{('key', 'value')[at % 2]}"
            found[name] = torch.nn.functional.pad(cache, (0, 0, 0, rest)).contiguous()
        return found

    def module(self, weights: Weights, dtype: torch.dtype) -> TorchDecoder:
        """PyTorch's module behind the past."""
        made = TorchDecoder(weights, self.case.batch, self.case.room, dtype)
        made.caches[:, :, :, : self.case.past] = self.caches
        return made


def limit_ms(weights: Weights, case: DecodeCase) -> float:
    """The time of all weights with their scales, and of the caches, at the bandwidth of a copy."""
    shape, number = weights.shape, weights.bits / 8 + 2 / BLOCK if weights.bits else 2
    heads = shape.heads + 2 * shape.kv_heads
    layer = shape.width * (heads * shape.depth + shape.heads * shape.depth + 3 * shape.hidden)
    cache = 2 * case.batch * shape.kv_heads * case.past * shape.depth
    products = shape.layers * layer + shape.width * shape.vocabulary
    return rounded((number * products + 2 * shape.layers * cache) / COPY)


@torch.inference_mode()
def wanted(weights: Weights, tokens: Tokens, kept: Path) -> torch.Tensor:
    """The logits of PyTorch in fp32, which are kept in the file KEPT."""
    if kept.exists():
        return torch.load(kept).double()
    want = tokens.module(weights, torch.float32)(tokens.ids, tokens.positions)
    torch.save(want, kept)
    return want.double()


@torch.inference_mode()
def prepared(
    weights: Weights, case: DecodeCase, options: argparse.Namespace, stack: ExitStack
) -> Iterator[Callable[[], Row]]:
    """What measures the rows of CASE: each of our spellings, with an engine on STACK, and the peers."""
    tokens = Tokens(weights.shape, case)
    known: Row = {**vars(case), "layers": weights.shape.layers, "bits": weights.bits or 16}
    if case.tokens == 1:
        known["limit_ms"] = limit_ms(weights, case)
    kept = f"wanted_{weights.shape.layers}_{case.name}_{weights.bits}.pt"
    want = wanted(weights, tokens, options.plans / kept)
    for cache in filter(None, options.caches.split(",")):
        plan = plan_of(weights, cache, case, options.plans, options.chosen)
        row, given = known | {"runs": cache}, tokens.given(SPELLINGS[cache])
        if options.chosen:
            row["chosen"] = True
        engine = stack.enter_context(glassrt.load(plan, device="cuda:0"))
        row["error"] = rounded(_error(torch.from_dlpack(engine.run(given)["logits"])[:, 0], want))
        yield partial(_ours, weights.shape, case, options, row, engine, given)
    half = tokens.module(weights, torch.float16) if options.peers else None
    for peer in filter(None, options.peers.split(",")):
        assert half is not None
        run = PEERS[peer](half, (tokens.ids, tokens.positions))
        row = known | {"runs": f"PyTorch {peer}"}
        row["error"] = rounded(_error(half(tokens.ids, tokens.positions), want))
        yield partial(_peer, weights.shape, case, options, row, run)


def _ours(
    shape: DecoderShape,
    case: DecodeCase,
    options: argparse.Namespace,
    row: Row,
    engine: glassrt.Engine,
    given: dict[str, Any],
) -> Row:
    """ROW with the times of ENGINE."""
    if options.build:
        return row
    repeats = 200 if case.tokens == 1 else 20
    row["ms"] = median_ms(engine, given, repeats, repeats // 10)
    row |= rates(shape, case, row["ms"])
    records = engine.profile(given, repeats=20 if options.profile else 1)
    row["launches"] = len(records)
    if options.profile:
        row["profile"] = [[each.name, round(each.microseconds, 2)] for each in records]
    return row


def _peer(
    shape: DecoderShape, case: DecodeCase, options: argparse.Namespace, row: Row, run: Callable[[], object]
) -> Row:
    """ROW with the time of RUN."""
    if options.build:
        return row
    row["ms"] = device_ms(run)
    return row | rates(shape, case, row["ms"])


def rates(shape: DecoderShape, case: DecodeCase, ms: float) -> Row:
    """Of several tokens in so many milliseconds: FLOP/s of products, and their share of a large product's."""
    if case.tokens == 1:
        return {}
    heads = 2 * (shape.heads + shape.kv_heads) * shape.depth
    layer = shape.width * (heads + 3 * shape.hidden)
    pairs = case.tokens * (case.past + (case.tokens + 1) / 2)
    attention = 2 * shape.heads * shape.depth * pairs
    products = shape.layers * (case.tokens * layer + attention) + shape.width * shape.vocabulary
    rate = 2 * case.batch * products / ms * 1e3
    return {"tflops": rounded(rate / 1e12), "of_large_product": rounded(rate / product_rate())}


def _error(have: torch.Tensor, want: torch.Tensor) -> float:
    return ((have.double() - want).norm() / want.norm()).item()


def main() -> None:
    command = parser(__doc__)
    default = "1:128,1:2048,1:8192,16:128,1:0:2048"
    command.add_argument("--cases", default=default, help="batch:past or batch:past:tokens, several")
    command.add_argument("--caches", default="concat,tensor_scatter")
    command.add_argument("--peers", default="eager,compile", help=f"several of {', '.join(PEERS)}, or none")
    command.add_argument("--layers", type=int, default=LLAMA_1B.layers)
    command.add_argument("--bits", type=int, choices=(0, 4, 8), default=0, help="of the weights of products")
    command.add_argument("--wait", type=Path, help="measure when this file is there; all is prepared before")
    command.add_argument("--chosen", action="store_true", help="the next token is chosen on the device, too")
    command.add_argument("--plans", type=Path)
    command.add_argument("--build", action="store_true", help="check, and time nothing")
    command.add_argument("--profile", action="store_true", help="times of launches, too")
    options = command.parse_args()
    cases = [DecodeCase.of(text) for text in options.cases.split(",")]
    weights = Weights(DecoderShape(**(vars(LLAMA_1B) | {"layers": options.layers})), bits=options.bits)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        options.plans = options.plans or Path(scratch)
        options.plans.mkdir(parents=True, exist_ok=True)
        found = [each for case in cases for each in prepared(weights, case, options, stack)]
        while options.wait is not None and not options.wait.exists():
            time.sleep(0.1)
        report((measure() for measure in found), options.out)


if __name__ == "__main__":
    main()
