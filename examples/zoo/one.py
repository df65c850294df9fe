"""One architecture: export by PyTorch, build by GlassRT, compare with PyTorch.

    python -m examples.zoo.one NAME [--device cuda:0]

prints a row as JSON. It is a process of its own, since an exporter may end one.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .architectures import ARCHITECTURES
from .detection import DETECTORS
from .matching import Array, detections_differ, relative
from .verdict import WRONG, verdict

TYPES = {"fp32": torch.float32, "fp16": torch.float16}
OPSET = 18
Row = dict[str, Any]


def example(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network NAME with batch norms that fit its activations, without weights of zeros, and inputs."""
    torch.manual_seed(0)
    model, inputs = ARCHITECTURES[name]()
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.any():  # the result would say nothing of what is before
            nn.init.normal_(parameter, std=0.02)
    model.eval()  # detectors want targets otherwise, and others drop layers
    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None  # averages over all batches
        norm.train()
    if norms:
        for _ in range(2):
            model(
                *(
                    torch.cat([x, torch.randn_like(x)]) if x.is_floating_point() else torch.cat([x, x])
                    for x in inputs
                )
            )
    return model.eval(), inputs


def export(model: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> str:
    """Write the ONNX file PATH; which exporter did it: the older one, unless it fails or its file contradicts
    itself, as where a network unfolds an axis counted from the end. Raises the error of the last one tried.
    """
    try:
        torch.onnx.export(model, inputs, str(path), opset_version=OPSET, dynamo=False)
        onnx.checker.check_model(str(path), full_check=True)  # infers all shapes, too
        return "script"
    except Exception:  # exporters raise all kinds
        torch.onnx.export(model, inputs, str(path), opset_version=OPSET, dynamo=True)
        return "dynamo"


def difference(name: str, have: Sequence[Array], want: Sequence[Array]) -> float:
    """How much the outputs HAVE of the architecture NAME differ from those that are WANTed."""
    return detections_differ(have, want) if name in DETECTORS else relative(have[0], want[0])


def result(model: nn.Module, inputs: tuple[Tensor, ...], dtype: torch.dtype, device: str) -> list[Array]:
    """The outputs of PyTorch in DTYPE on DEVICE."""
    made = copy.deepcopy(model).to(device, dtype)
    found = made(*(x.to(device, dtype) if x.is_floating_point() else x.to(device) for x in inputs))
    return [x.double().cpu().numpy() for x in tensors_in(found)]


def tensors_in(found: Any) -> list[Tensor]:
    """The tensors of what a model gives: one, or those of a sequence, as far as these come first."""
    if isinstance(found, Tensor):
        return [found]
    return list(itertools.takewhile(lambda each: isinstance(each, Tensor), found))


def peer(
    name: str, model: nn.Module, inputs: tuple[Tensor, ...], dtype: torch.dtype, where: str, want: list[Array]
) -> float | None:
    """The error of PyTorch in DTYPE; None where it cannot run in it, as some ops in fp16 on a processor."""
    try:
        return difference(name, result(model, inputs, dtype, where), want)
    except (RuntimeError, NotImplementedError):
        return None


def measured(
    name: str, path: Path, precision: str, inputs: dict[str, Array], want: list[Array], device: str
) -> Row:
    """Build seconds, launches, error and, on a GPU, milliseconds in PRECISION."""
    start = time.perf_counter()
    plan = glassrt.compile(path, precision=precision, target="host" if device == "host" else None)
    row: Row = {"build_s": round(time.perf_counter() - start, 2), "launches": len(plan.spec.launches)}
    with glassrt.load(plan, device) as engine:
        found = engine.run(inputs)
        given = [np.asarray(found[each]) for each in itertools.islice(found, len(want))]
        row["error"] = difference(name, given, want)
        if device != "host":
            row["ms"] = round(float(np.median(engine.time(inputs, 50, 10))), 4)
    return row


@torch.no_grad()
def row_of(name: str, device: str) -> Row:
    """The row of NAME: 'right' says whether both precisions are within their bounds."""
    model, inputs = example(name)
    row: Row = {"model": name, "parameters": sum(each.numel() for each in model.parameters())}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        row["exporter"] = export(model, inputs, path)
        proto = onnx.load(path, load_external_data=False)
        row["nodes"] = len(proto.graph.node)
        stored = {each.name for each in proto.graph.initializer}
        names = [each.name for each in proto.graph.input if each.name not in stored]
        feeds = {each: x.numpy() for each, x in zip(names, inputs, strict=False)}
        where = "cpu" if device == "host" else device
        exact = result(model, inputs, torch.float64, where)
        for precision, dtype in TYPES.items():
            row[precision] = measured(name, path, precision, feeds, exact, device)
            error = peer(name, model, inputs, dtype, where, exact)
            if error is not None:
                row[precision]["peer"] = error
    row["right"] = verdict(row, name in DETECTORS) != WRONG
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=ARCHITECTURES)
    parser.add_argument("--device", default="cuda:0")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(4)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        row = row_of(options.name, options.device)
    except Exception as error:  # whatever stops it is what the row says
        reason = f"{type(error).__name__}: {error}"
        row = {"model": options.name, "right": False, "reason": reason[:2000]}
    print("\n" + json.dumps(row))


if __name__ == "__main__":
    main()
