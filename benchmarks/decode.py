"""How long does a token of a Llama-shaped decoder with a cache take on a GPU, beside PyTorch, in one run?

    python -m benchmarks.decode [--peers eager,compile] [--out benchmarks/results/decode.json]

A case is a batch and the tokens before the one that is timed. Weights are random, in fp16, or with --bits 4
or 8 in blocks of so many bits (MatMulNBits), which PyTorch has as floats. Ours has its past and present by
Concat, as torch.onnx exports it, or in a static cache that is written in place, as PyTorch's is. All are CUDA
graphs with everything on the device. `error` is of the logits against PyTorch in fp32. With --plans FOLDER,
plans and logits that are there are taken, and others are written there; with --build nothing is timed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import glassrt
import torch

from .common.decoder_model import decoder_model, saved
from .common.decoder_module import TorchDecoder
from .common.decoder_nodes import Cache, Spelling
from .common.decoder_weights import BLOCK, LLAMA_1B, DecoderShape, Weights
from .common.peer_timing import compiled, device_ms, eager
from .common.rows import Row, median_ms, parser, report, rounded

COPY = 4.28e9  # bytes a millisecond
SPELLINGS = {cache: Spelling(cache) for cache in get_args(Cache)} | {
    "grouped": Spelling("grouped", "fused", "contributed")
}


def room_of(past: int) -> int:
    """The size of a static cache for PAST tokens and more."""
    return -(-(past + 1) // 256) * 256


def plan_of(weights: Weights, cache: str, batch: int, past: int, folder: Path) -> glassrt.Plan:
    """The plan of a case; it is kept in FOLDER."""
    bits = f"_{weights.bits}bits" if weights.bits else ""
    kept = folder / f"decode_{weights.shape.layers}_{cache}_{batch}_{past}{bits}.glass"
    if kept.exists():
        return glassrt.Plan.load(kept)
    spelling = SPELLINGS[cache]
    with tempfile.TemporaryDirectory() as scratch:
        model = decoder_model(weights, spelling, batch, room_of(past) if spelling.static else past)
        names = [f"{layer}.{part}" for layer in range(weights.shape.layers) for part in ("key", "value")]
        plan = glassrt.compile(
            str(saved(model, Path(scratch))),
            precision=glassrt.PrecisionPolicy("fp16"),
            in_place={f"present.{name}": f"past.{name}" for name in names} if spelling.static else None,
        )
    plan.save(kept)
    return plan


class Tokens:
    """A case's ids, position and caches on the device."""

    def __init__(self, shape: DecoderShape, batch: int, past: int) -> None:
        torch.manual_seed(past)
        self.ids = torch.randint(shape.vocabulary, (batch,), device="cuda")
        self.position = torch.tensor([past], device="cuda")
        size = 2 * shape.layers, batch, shape.kv_heads, past, shape.depth
        self.caches = torch.randn(size, device="cuda", dtype=torch.float16)

    def given(self, spelling: Spelling) -> dict[str, Any]:
        """The inputs of our models."""
        past, batch = self.caches.shape[3], len(self.ids)
        found: dict[str, Any] = {"input_ids": self.ids[:, None].contiguous()}
        found["position_ids"] = self.position.expand(batch, 1).contiguous()
        rest = room_of(past) - past if spelling.static else 0
        for at, cache in enumerate(self.caches):
            name = f"past.{at // 2}.{('key', 'value')[at % 2]}"
            found[name] = torch.nn.functional.pad(cache, (0, 0, 0, rest)).contiguous()
        return found

    def module(self, weights: Weights, dtype: torch.dtype) -> TorchDecoder:
        """PyTorch's module behind the past."""
        past = self.caches.shape[3]
        made = TorchDecoder(weights, len(self.ids), room_of(past), dtype)
        made.caches[:, :, :, :past] = self.caches
        return made


def limit_ms(weights: Weights, batch: int, past: int) -> float:
    """The time of all weights with their scales, and of the caches, at the bandwidth of a copy."""
    shape, number = weights.shape, weights.bits / 8 + 2 / BLOCK if weights.bits else 2
    heads = shape.heads + 2 * shape.kv_heads
    layer = shape.width * (heads * shape.depth + shape.heads * shape.depth + 3 * shape.hidden)
    cache = 2 * batch * shape.kv_heads * past * shape.depth
    products = shape.layers * layer + shape.width * shape.vocabulary
    return rounded((number * products + 2 * shape.layers * cache) / COPY)


@torch.inference_mode()
def wanted(weights: Weights, tokens: Tokens, kept: Path) -> torch.Tensor:
    """The logits of PyTorch in fp32, which are kept in the file KEPT."""
    if kept.exists():
        return torch.load(kept).double()
    want = tokens.module(weights, torch.float32)(tokens.ids, tokens.position)
    torch.save(want, kept)
    return want.double()


@torch.inference_mode()
def measure(weights: Weights, batch: int, past: int, options: argparse.Namespace) -> Iterator[Row]:
    """The rows of a case: each of our spellings, and the peers."""
    tokens = Tokens(weights.shape, batch, past)
    case: Row = {"batch": batch, "past": past, "layers": weights.shape.layers}
    case["bits"] = weights.bits or 16
    case["limit_ms"] = limit_ms(weights, batch, past)
    kept = f"wanted_{weights.shape.layers}_{batch}_{past}_{weights.bits}.pt"
    want = wanted(weights, tokens, options.plans / kept)
    for cache in options.caches.split(","):
        plan = plan_of(weights, cache, batch, past, options.plans)
        row, given = case | {"runs": cache}, tokens.given(SPELLINGS[cache])
        with glassrt.load(plan, device="cuda:0") as engine:
            row["error"] = rounded(_error(torch.from_dlpack(engine.run(given)["logits"])[:, 0], want))
            if not options.build:
                row["ms"] = median_ms(engine, given, 200, 20)
                records = engine.profile(given, repeats=20 if options.profile else 1)
                row["launches"] = len(records)
            if options.profile:
                row["profile"] = [[each.name, round(each.microseconds, 2)] for each in records]
        yield row
    for peer, time_of in (("eager", eager), ("compile", compiled)):
        if peer in options.peers.split(",") and not options.build:
            half = tokens.module(weights, torch.float16)
            error = _error(half(tokens.ids, tokens.position), want)
            ms = device_ms(time_of(half, (tokens.ids, tokens.position)))
            yield case | {"runs": f"PyTorch {peer}", "error": rounded(error), "ms": ms}


def _error(have: torch.Tensor, want: torch.Tensor) -> float:
    return ((have.double() - want).norm() / want.norm()).item()


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--cases", default="1:128,1:2048,1:8192,16:128", help="batch:past, several")
    command.add_argument("--caches", default="concat,tensor_scatter")
    command.add_argument("--peers", default="eager,compile")
    command.add_argument("--layers", type=int, default=LLAMA_1B.layers)
    command.add_argument("--bits", type=int, choices=(0, 4, 8), default=0, help="of the weights of products")
    command.add_argument("--plans", type=Path)
    command.add_argument("--build", action="store_true", help="check, and time nothing")
    command.add_argument("--profile", action="store_true", help="times of launches, too")
    options = command.parse_args()
    cases = [[int(each) for each in case.split(":")] for case in options.cases.split(",")]
    weights = Weights(DecoderShape(**(vars(LLAMA_1B) | {"layers": options.layers})), bits=options.bits)
    with tempfile.TemporaryDirectory() as scratch:
        options.plans = options.plans or Path(scratch)
        report((row for case in cases for row in measure(weights, *case, options)), options.out)


if __name__ == "__main__":
    main()
