"""Products and convolutions that ONNX Runtime's optimizer has joined with what follows, against itself."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import ModelError, UnsupportedError

from ..nodes import Case, check, expanded, label, real
from ..own import microsoft

IMAGE, FILTER = real(1, 4, 6, 7), real(6, 2, 3, 3)

CONVOLUTIONS = [
    microsoft("FusedConv", IMAGE, FILTER, real(6), activation=name, group=2, **numbers)
    for name, numbers in (
        ("Relu", {}),
        ("Tanh", {}),
        ("Sigmoid", {}),
        ("LeakyRelu", {"activation_params": [0.2]}),
        ("Clip", {"activation_params": [-0.5, 0.75]}),
        ("HardSwish", {}),
        ("HardSigmoid", {"activation_params": [0.3, 0.4]}),
    )
] + [
    microsoft("FusedConv", IMAGE, real(6, 4, 3, 3), None, real(1, 6, 4, 5)),
    microsoft("FusedConv", IMAGE, real(6, 4, 3, 3), real(6), real(1, 6, 4, 5), activation="Relu"),
]

PRODUCTS = [
    *[
        microsoft("FusedGemm", real(3, 4), real(4, 5), real(5), activation=name, **numbers)
        for name, numbers in (
            ("Celu", {"activation_alpha": 0.7}),
            ("Elu", {"activation_alpha": 0.7}),
            ("HardSigmoid", {"activation_alpha": 0.3, "activation_beta": 0.6}),
            ("LeakyRelu", {"activation_alpha": 0.3}),
            ("Relu", {}),
            ("Selu", {"activation_alpha": 1.1, "activation_gamma": 0.9}),
            ("Sigmoid", {}),
            ("Softplus", {}),
            ("Softsign", {}),
            ("Tanh", {}),
            ("ThresholdedRelu", {"activation_alpha": 0.3}),
        )
    ],
    microsoft("FusedMatMul", real(2, 3, 5, 4), real(2, 3, 6, 4), transB=1, alpha=0.125),
    microsoft("FusedMatMul", real(5, 2, 3, 4), real(4, 2, 3, 6), transBatchA=1, transBatchB=1),
    microsoft("FusedMatMul", real(4, 2, 3, 5), real(2, 3, 4, 6), transBatchA=1, transA=1),
    microsoft("FusedMatMul", real(4), real(4, 6), transA=1),
    microsoft("TransposeMatMul", real(4, 5), real(6, 4), transA=1, transB=1, alpha=2.0),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CONVOLUTIONS + PRODUCTS), ids=label)
def test_what_onnx_runtime_joined(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            microsoft("FusedConv", IMAGE, FILTER, activation="Erf", group=2),
            UnsupportedError,
            "activation 'Erf'",
        ),
        (
            microsoft("FusedConv", IMAGE, FILTER, activation="LeakyRelu", group=2),
            ModelError,
            "activation_params has 0",
        ),
        (
            microsoft("FusedConv", IMAGE, FILTER, None, real(1, 6, 1, 1), group=2),
            ModelError,
            "its addend is tensor<1x6x1x1xf32>",
        ),
        (microsoft("FusedGemm", real(3, 4), real(4, 5), activation="Erf"), UnsupportedError, "'Erf'"),
        (microsoft("FusedMatMul", real(3, 4), real(4, 5), transBatchA=1), ModelError, "has no batch"),
    ],
    ids=["conv", "parameters", "sum", "gemm", "batch"],
)
def test_what_is_refused(given: Case, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_model(given.model(18).SerializeToString())
