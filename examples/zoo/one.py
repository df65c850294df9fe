"""One architecture: export by PyTorch, build by GlassRT, compare with PyTorch.

    python -m examples.zoo.one NAME [--device cuda:0]

prints a row as JSON. It is a process of its own, since an exporter may end one.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .architectures import ARCHITECTURES

# ‖ours - exact‖ / ‖exact‖ over the first output, where PyTorch in float64 is exact. Where random weights make
# PyTorch in the same precision worse than that, twice its error.
BOUNDS = {"fp32": 1e-4, "fp16": 64 * 2.0**-11}
TYPES = {"fp32": torch.float32, "fp16": torch.float16}
OPSET = 18
Row = dict[str, Any]
Array = np.ndarray[Any, Any]


def example(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network NAME with batch norms that fit its activations, and inputs."""
    torch.manual_seed(0)
    model, inputs = ARCHITECTURES[name]()
    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None  # averages over all batches
        norm.train()
    if norms:
        for _ in range(2):
            model(
                *(
                    torch.cat([x, torch.randn_like(x)]) if x.is_floating_point() else x.repeat(2, 1)
                    for x in inputs
                )
            )
    return model.eval(), inputs


def export(model: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> str:
    """Write the ONNX file PATH; which exporter did it. Raises the error of the last one that was tried."""
    try:
        torch.onnx.export(model, inputs, str(path), opset_version=OPSET, dynamo=False)
        return "script"
    except Exception:  # exporters raise all kinds
        torch.onnx.export(model, inputs, str(path), opset_version=OPSET, dynamo=True)
        return "dynamo"


def difference(have: Array, want: Array) -> float:
    """The relative error, infinite for another shape or for what is not finite."""
    if have.shape != want.shape or not np.isfinite(have).all():
        return math.inf
    gap = np.linalg.norm(have.astype(np.float64) - want.astype(np.float64))
    return float(gap) / max(float(np.linalg.norm(want.astype(np.float64))), 1e-30)


def result(model: nn.Module, inputs: tuple[Tensor, ...], dtype: torch.dtype, device: str) -> Array:
    """The first output of PyTorch in DTYPE on DEVICE."""
    made = copy.deepcopy(model).to(device, dtype)
    found = made(*(x.to(device, dtype) if x.is_floating_point() else x.to(device) for x in inputs))
    first = found[0] if isinstance(found, (tuple, list)) else found
    array: Array = first.double().cpu().numpy()
    return array


def measured(path: Path, precision: str, inputs: dict[str, Array], want: Array, device: str) -> Row:
    """Build seconds, launches, error and, on a GPU, milliseconds in PRECISION."""
    start = time.perf_counter()
    plan = glassrt.compile(path, precision=precision, target="host" if device == "host" else None)
    row: Row = {"build_s": round(time.perf_counter() - start, 2), "launches": len(plan.spec.launches)}
    with glassrt.load(plan, device) as engine:
        found = engine.run(inputs)[plan.spec.outputs[0].name]
        row["error"] = difference(np.asarray(found), want)
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
            row[precision] = measured(path, precision, feeds, exact, device)
            row[precision]["peer"] = difference(result(model, inputs, dtype, where), exact)
    row["right"] = all(is_right(row[precision], bound) for precision, bound in BOUNDS.items())
    return row


def is_right(row: Row, bound: float) -> bool:
    """Whether the error is within BOUND, or twice PyTorch's."""
    return bool(row["error"] <= max(bound, 2 * row["peer"]))


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
