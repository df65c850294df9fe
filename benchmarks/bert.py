"""BERT-base as torch.onnx exports it: what is recognised, how many launches, how fast, and how exact.

    python -m benchmarks.bert --out benchmarks/results/bert.json

Random weights; fp16 by policy from an fp32 export; the peer is PyTorch eager in fp16 as a CUDA graph.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
from pathlib import Path
from typing import Any

import glassrt
import torch
from transformers import BertConfig, BertModel

from . import record
from .resnet50 import eager_ms

TOKENS = 128
RECOGNISED = ("graph.attention", "graph.layer_norm", "graph.gelu")


class Encoder(torch.nn.Module):
    """Token ids to the last hidden state, without the cache that exporters trip over."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.bert(input_ids=ids).last_hidden_state


def exported(model: torch.nn.Module, ids: torch.Tensor, opset: int, folder: str) -> str:
    """The ONNX file; the older opset through the older exporter."""
    path = f"{folder}/bert{opset}.onnx"
    torch.onnx.export(
        model, (ids,), path, opset_version=opset, input_names=["ids"], output_names=["hidden"],
        dynamo=opset >= 18, verbose=False,
    )  # fmt: skip
    return path


def measure(batch: int, opset: int, folder: str) -> dict[str, Any]:
    torch.manual_seed(0)
    config = BertConfig(attn_implementation="sdpa")
    model = Encoder(config).eval()
    ids = torch.randint(0, config.vocab_size, (batch, TOKENS))
    with torch.inference_mode():
        reference = model(ids).double()
    plan = glassrt.compile(exported(model, ids, opset, folder), precision="fp16")
    row: dict[str, Any] = {"model": "bert", "batch": batch, "opset": opset, "precision": "fp16"}
    graph = plan.ir("graph")
    row |= {name: len(re.findall(re.escape(name) + r"\b", graph)) for name in RECOGNISED}
    row["launches"] = len(plan.manifest["launches"])
    row["launches_per_layer"] = round(row["launches"] / config.num_hidden_layers, 2)
    with glassrt.load(plan, device="cuda:0") as engine:
        hidden = torch.from_numpy(next(iter(engine.run({"ids": ids.numpy()}).values()))).double()
        row["relative_error"] = float(f"{((hidden - reference).norm() / reference.norm()).item():.3g}")
        row["ms"] = round(statistics.median(engine.time({"ids": ids.numpy()}, repeats=200, warmup=20)), 4)
        for entry in engine.profile({"ids": ids.numpy()}, 10)[:24]:
            print(entry)
    half = model.half().to("cuda")
    row["eager_ms"] = round(eager_ms(half, ids.to("cuda")), 4)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default="1:17,1:20,32:20", help="batch:opset, separated by commas")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in arguments.cases.split(","):
            batch, opset = (int(part) for part in case.split(":"))
            rows.append(measure(batch, opset, folder))
            print(rows[-1], flush=True)
    if arguments.out:
        record.write(arguments.out, rows)


if __name__ == "__main__":
    main()
