"""ONNX Runtime as a peer on the same GPU, in a CUDA graph of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import torch
from onnxruntime import OrtValue

from .peer_networks import Inputs
from .peer_timing import device_ms

TENSOR_TYPES = {torch.float16: np.float16, torch.float32: np.float32, torch.int64: np.int64}


def ort_ms(path: str, inputs: Inputs) -> float:
    """Median milliseconds of the model at PATH, by the CUDA provider: channels last, with exhaustive search
    for convolutions."""
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    stream = torch.cuda.Stream()
    options = {"user_compute_stream": str(stream.cuda_stream), "enable_cuda_graph": "1", "prefer_nhwc": "1",
               "cudnn_conv_algo_search": "EXHAUSTIVE"}  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=[("CUDAExecutionProvider", options)])
    if session.get_providers()[0] != "CUDAExecutionProvider":
        raise RuntimeError("this ONNX Runtime has no CUDA provider")
    binding, held = _bound(session, inputs)
    with torch.cuda.stream(stream):
        ms = device_ms(lambda: session.run_with_iobinding(binding))
    del held
    return ms


def _bound(session: Any, inputs: Inputs) -> tuple[Any, list[torch.Tensor]]:
    """A session's binding to INPUTS where they lie and to outputs on the device, and the tensors it needs."""
    binding, held = session.io_binding(), [x.contiguous() for x in inputs]
    for wanted, x in zip(session.get_inputs(), held, strict=True):
        binding.bind_input(wanted.name, "cuda", 0, TENSOR_TYPES[x.dtype], tuple(x.shape), x.data_ptr())
    for output in session.get_outputs():
        kind = np.float16 if "float16" in output.type else np.float32
        value = OrtValue.ortvalue_from_shape_and_type(output.shape, kind, "cuda", 0)
        binding.bind_ortvalue_output(output.name, value)
    return binding, held
