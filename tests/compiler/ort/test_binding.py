"""Bound inputs and outputs: arrays, values, addresses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt import InputError
from glassrt.onnxruntime import InferenceSession, OrtValue

X = np.random.default_rng(1).standard_normal((2, 1, 8, 8)).astype(np.float32)


def test_inputs_and_outputs_by_array_value_and_address(session: InferenceSession, other: Any) -> None:
    (wanted,) = other.run(None, {"image": X})
    binding = session.io_binding()
    binding.bind_cpu_input("image", X)
    binding.bind_output("logits")
    session.run_with_iobinding(binding)
    found = [binding.copy_outputs_to_cpu()[0], binding.get_outputs()[0].numpy()]
    y = np.zeros_like(wanted)
    binding.bind_input("image", "cpu", 0, np.float32, X.shape, X.ctypes.data)
    binding.bind_output("logits", "cpu", 0, np.float32, y.shape, y.ctypes.data)
    binding.synchronize_inputs()
    session.run_with_iobinding(binding)
    binding.synchronize_outputs()
    value = OrtValue.ortvalue_from_shape_and_type(y.shape, np.float32)
    binding.clear_binding_inputs()
    binding.clear_binding_outputs()
    binding.bind_ortvalue_input("image", OrtValue.ortvalue_from_numpy(X))
    binding.bind_ortvalue_output("logits", value)
    session.run_with_iobinding(binding)
    for each in (*found, y, value.numpy()):
        np.testing.assert_allclose(each, wanted, rtol=1e-4, atol=1e-4)


def test_names_and_halves_of_addresses_are_refused(session: InferenceSession) -> None:
    binding = session.io_binding()
    with pytest.raises(InputError, match="no input 'x'"):
        binding.bind_cpu_input("x", X)
    with pytest.raises(InputError, match="no output 'y'"):
        binding.bind_output("y")
    with pytest.raises(InputError, match="without element_type"):
        binding.bind_output("logits", buffer_ptr=X.ctypes.data)


def test_what_is_not_bound_is_not_run(session: InferenceSession) -> None:
    binding = session.io_binding()
    binding.bind_cpu_input("image", X)
    with pytest.raises(InputError, match="no output is bound"):
        session.run_with_iobinding(binding)
