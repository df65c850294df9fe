"""Which device providers mean, and what their options ask of a build."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.compiler.ort import providers
from glassrt.errors import DeviceError, InputError, UnsupportedError

TRT, CUDA, CPU, OWN = providers.TENSORRT, providers.CUDA, providers.CPU, providers.OWN


@pytest.mark.parametrize(
    ("gpus", "given", "device", "options"),
    [
        (0, None, "host", {}),
        (1, None, "cuda:0", {}),
        (1, [CPU, CUDA], "host", {}),
        (0, [CUDA, CPU], "host", {}),
        (2, [(CUDA, {"device_id": "1", "use_tf32": "1"}), CPU], "cuda:1", {"precision": "tf32"}),
        (1, [(TRT, {"trt_fp16_enable": True}), CUDA], "cuda:0", {"precision": "fp16"}),
        (1, [(OWN, {"precision": "bf16", "device_id": 0})], "cuda:0", {"precision": "bf16"}),
        (0, [(OWN, {"keep": ["a"]})], "host", {"keep": ["a"]}),
    ],
)
def test_the_first_that_is_here_is_taken(
    monkeypatch: pytest.MonkeyPatch, gpus: int, given: Any, device: str, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(providers, "cuda_devices", lambda: gpus)
    found = providers.place_of(given, None)
    assert (found.device, found.options) == (device, options)
    assert found.names == ([CUDA, CPU] if gpus and device != "host" else [CPU])
    assert providers.get_available_providers()[-1] == CPU
    assert providers.get_device() == ("GPU" if gpus else "CPU")


def test_what_is_not_here_or_no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "cuda_devices", lambda: 0)
    with pytest.raises(DeviceError, match=f"nothing here for {CUDA}"):
        providers.place_of([CUDA], None)
    with pytest.warns(UserWarning, match="OpenVINO"):
        assert providers.place_of(["OpenVINOExecutionProvider", CPU], None).device == "host"
    with pytest.raises(InputError, match="1 provider options"):
        providers.place_of([CUDA, CPU], [{}])
    with pytest.raises(InputError, match="device_id"):
        providers.place_of([(CUDA, {"device_id": "x"})], None)
    monkeypatch.setattr(providers, "cuda_devices", lambda: 1)
    with pytest.raises(UnsupportedError, match="int8 needs scales"):
        providers.place_of([(TRT, {"trt_int8_enable": True})], None)
