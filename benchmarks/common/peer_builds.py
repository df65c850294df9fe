"""Networks of the comparison with peers as ONNX files, calibrated and built, and how far results are off."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import glassrt
import numpy as np
import onnxruntime
import torch
from torch import nn

from .peer_networks import NETWORKS, Inputs, in_half, prepared

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.float16}  # of peers
HALF, EXACT, INTEGERS = "half.onnx", "exact.onnx", "integers.onnx"
CALIBRATED = 128  # samples that scales are found by, at least
Feed = dict[str, np.ndarray]


def exported(module: nn.Module, inputs: Inputs, path: str) -> str:
    """MODULE as an ONNX file at PATH, with fixed sizes."""
    names = [f"input{index}" for index in range(len(inputs))]
    plain = module.to(memory_format=torch.contiguous_format)
    dense = tuple(x.contiguous() for x in inputs)
    torch.onnx.export(
        plain, dense, path, input_names=names, output_names=["output"], dynamo=True, verbose=False
    )
    return path


def samples(name: str, batch: int) -> Iterator[Feed]:
    """What the network NAME is calibrated on, in batches of BATCH: drawn as its inputs are, but others."""
    torch.manual_seed(1)
    for _ in range(-(-CALIBRATED // batch)):
        yield fed(NETWORKS[name].inputs(batch))


def fed(inputs: Inputs) -> Feed:
    """INPUTS by their names in the ONNX file."""
    return {f"input{index}": x.cpu().numpy() for index, x in enumerate(inputs)}


@dataclass(frozen=True)
class Scales:
    """What a build in eight bits is given, and the seconds that it took to find."""

    table: glassrt.CalibrationTable | None = None
    seconds: float = 0.0


def calibrated(name: str, batch: int, folder: str) -> Scales:
    """The scales of the network NAME for BATCH samples, whose EXACT is in FOLDER."""
    begin = time.perf_counter()
    _cache_in(folder)
    table = glassrt.calibrate(os.path.join(folder, EXACT), samples(name, batch), calibrator="percentile")
    return Scales(table, time.perf_counter() - begin)


def built(name: str, batch: int, precision: str, folder: str) -> tuple[glassrt.Plan, Inputs]:
    """The plan of the network NAME for BATCH samples, and inputs for it; FOLDER is for files."""
    module, inputs = prepared(name, batch)
    export(precision, module, inputs, folder)
    scales = calibrated(name, batch, folder) if precision == "int8" else Scales()
    if precision != "int8":
        _, inputs = in_half(module, inputs, DTYPES[precision])
    return built_from(precision, folder, scales)[0], inputs


def export(precision: str, module: nn.Module, inputs: Inputs, folder: str) -> None:
    """Put MODULE, which is in fp32 and becomes one in 16 bits, into FOLDER: as HALF, and EXACT for int8."""
    if precision == "int8":
        exported(module, inputs, os.path.join(folder, EXACT))
    exported(*in_half(module, inputs, DTYPES[precision]), os.path.join(folder, HALF))


def built_from(precision: str, folder: str, scales: Scales, tune: int = 0) -> tuple[glassrt.Plan, float]:
    """The plan of what `export` has put into FOLDER, and the seconds of a build without a kernel cache,
    calibration and tuning (by TUNE candidates) included."""
    _cache_in(folder)
    path = os.path.join(folder, EXACT if precision == "int8" else HALF)
    begin = time.perf_counter()
    plan = glassrt.compile(path, precision=precision, tune=tune, calibration=scales.table)
    return plan, scales.seconds + time.perf_counter() - begin


def _cache_in(folder: str) -> None:
    os.environ["GLASSRT_CACHE_DIR"] = os.path.join(folder, "cache")


def norm_error(have: torch.Tensor, want: torch.Tensor) -> float:
    """The norm of the difference over that of WANT, in f64; infinity for a NaN."""
    value = ((have.double() - want).norm() / want.norm()).item()
    return value if value == value else float("inf")


def quantized_error(
    table: glassrt.CalibrationTable, folder: str, inputs: Inputs, reference: torch.Tensor
) -> float:
    """The error of ONNX Runtime on the CPU, which multiplies the same integers by the scales of TABLE: what
    the quantization costs the network in FOLDER, whoever runs it."""
    path = os.path.join(folder, INTEGERS)
    glassrt.export_qdq(os.path.join(folder, EXACT), table, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, fed(inputs))
    return norm_error(torch.from_numpy(output), reference.cpu())
