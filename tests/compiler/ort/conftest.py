"""A session of the digits network on the host, and ONNX Runtime's own."""

from __future__ import annotations

from collections.abc import Iterator

import onnxruntime
import pytest
from glassrt.onnxruntime import InferenceSession

from ...places import DIGITS


@pytest.fixture(scope="package")
def session() -> Iterator[InferenceSession]:
    session = InferenceSession(str(DIGITS), providers=["CPUExecutionProvider"])
    yield session
    session.engine.close()


@pytest.fixture(scope="package")
def other() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(DIGITS), providers=["CPUExecutionProvider"])
