"""Random products with weights of few bits, by kernels on the host, against numpy in f64 and ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt import compile, load
from glassrt.dialects.graph.block_format import BLOCKS
from glassrt.testing.oracles import onnx_runtime
from hypothesis import given, settings
from hypothesis import strategies as st

from ..packed_models import PackedModel, dequantized, nbits

SIZES: dict[str, Any] = {
    "rows": st.integers(1, 17),
    "depth": st.one_of(st.integers(1, 40).map(lambda n: 8 * n), st.integers(1, 300)),
    "columns": st.integers(1, 70),
    "block": st.sampled_from(BLOCKS),
    "dtype": st.sampled_from([np.float16, np.float32]),
    "seed": st.integers(0, 1000),
}
OF_RUNTIME = st.builds(
    nbits,
    **SIZES,
    bits=st.sampled_from([4, 8]),
    zero=st.sampled_from(["", "stored", "floats"]),
    bias=st.booleans(),
)
OF_STANDARD = st.builds(
    dequantized,
    **SIZES,
    kind=st.sampled_from(["i4", "u4", "i8", "u8"]),
    zero=st.booleans(),
    transposed=st.booleans(),
)


def rows_for(case: PackedModel) -> np.ndarray[Any, Any]:
    shape = case.model.graph.input[0].type.tensor_type
    sizes = [each.dim_value for each in shape.shape.dim]
    dtype = np.float16 if shape.elem_type == 10 else np.float32
    return np.random.default_rng(7).standard_normal(sizes).astype(dtype)


@settings(max_examples=4, deadline=None)
@given(st.one_of(OF_RUNTIME, OF_STANDARD))
def test_kernels_agree_with_numpy(case: PackedModel) -> None:
    """In fp16 rows, weights that are unpacked, and results are rounded; packed weights are not."""
    x = rows_for(case)
    plan = compile(case.model, target="host", precision="fp16")
    with load(plan, "host") as engine:
        (y,) = engine.run({"x": x}).values()
    off = np.abs(y - case.wanted(x))
    assert (off <= 2.0**-10 * (case.magnitudes(x) + np.abs(case.wanted(x)) + 1)).all()


@settings(max_examples=15, deadline=None)
@given(st.builds(nbits, **SIZES | {"dtype": st.just(np.float32)}, zero=st.sampled_from(["", "stored"])))
def test_onnx_runtime_reads_them_alike(case: PackedModel) -> None:
    x = rows_for(case)
    found = onnx_runtime(case.model, {"x": x})
    assert found is not None
    (want,) = found.values()
    off = np.abs(want - case.wanted(x))
    assert (off <= 2.0**-12 * (case.magnitudes(x) + 1)).all()
