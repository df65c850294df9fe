"""How fast and how exact is BERT-base as torch.onnx exports it, and what of it is recognised?

    python -m benchmarks.bert --out benchmarks/results/bert.json

Random weights; fp16 by policy from an fp32 export; the peer is PyTorch eager in fp16 as a CUDA graph.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator

import glassrt
import torch
from transformers import BertConfig, BertModel

from .common.rows import Row, median_ms, parser, relative_error, report, rounded
from .common.torch_models import eager_ms

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


def measure(batch: int, opset: int, folder: str) -> Row:
    torch.manual_seed(0)
    config = BertConfig(attn_implementation="sdpa")
    model = Encoder(config).eval()
    ids = torch.randint(0, config.vocab_size, (batch, TOKENS))
    with torch.inference_mode():
        reference = model(ids).double()
    plan = glassrt.compile(exported(model, ids, opset, folder), precision="fp16")
    row: Row = {"model": "bert", "batch": batch, "opset": opset, "precision": "fp16"}
    graph = plan.ir("graph")
    row |= {name: len(re.findall(re.escape(name) + r"\b", graph)) for name in RECOGNISED}
    row["launches"] = len(plan.manifest["launches"])
    row["launches_per_layer"] = round(row["launches"] / config.num_hidden_layers, 2)
    inputs = {"ids": ids.numpy()}
    with glassrt.load(plan, device="cuda:0") as engine:
        hidden = next(iter(engine.run(inputs).values()))
        row["relative_error"] = rounded(relative_error(hidden, reference.numpy()))
        row["ms"] = median_ms(engine, inputs, 200, 20)
        for entry in engine.profile(inputs, 10)[:24]:
            print(entry)
    row["eager_ms"] = eager_ms(model.half().to("cuda"), ids.to("cuda"))
    return row


def measured(cases: str) -> Iterator[Row]:
    """A row for each of CASES."""
    with tempfile.TemporaryDirectory() as folder:
        for case in cases.split(","):
            batch, opset = (int(part) for part in case.split(":"))
            yield measure(batch, opset, folder)


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--cases", default="1:17,1:20,32:20", help="batch:opset, separated by commas")
    arguments = command.parse_args()
    report(measured(arguments.cases), arguments.out)


if __name__ == "__main__":
    main()
