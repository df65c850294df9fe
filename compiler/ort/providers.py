"""Execution providers: which device a session takes, and what their options mean for a build."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ...errors import DeviceError, InputError, UnsupportedError
from ...runtime.discovery import cuda_devices
from ..order import BuildArguments
from ..settings.names import HOST

TENSORRT, CUDA, CPU = "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"
OWN = "GlassExecutionProvider"  # whose options are those of `glassrt.compile`
_GPU = (TENSORRT, "NvTensorRTRTXExecutionProvider", CUDA)
Providers = Sequence[str | tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class SessionPlace:
    """Where a session runs, the providers that it names, and what the options of these ask of the build."""

    device: str
    names: list[str]
    options: BuildArguments = field(default_factory=lambda: BuildArguments())


def get_available_providers() -> list[str]:
    """The providers that sessions take here; a GPU is one by any of its names."""
    return [*([TENSORRT, CUDA] if cuda_devices() else []), CPU]


def get_all_providers() -> list[str]:
    """The providers that sessions take."""
    return [TENSORRT, CUDA, CPU]


def get_device() -> str:
    """`GPU` where there is a usable one, else `CPU`."""
    return "GPU" if cuda_devices() else "CPU"


def set_default_logger_severity(severity: int) -> None:
    """No effect: what GlassRT says is set by the environment variable GLASSRT_DEBUG."""


def set_default_logger_verbosity(verbosity: int) -> None:
    """No effect, as `set_default_logger_severity`."""


def place_of(
    providers: Providers | None, provider_options: Sequence[Mapping[str, Any]] | None
) -> SessionPlace:
    """The place that PROVIDERS name, the first that is here: names, or pairs of a name and options.

    Without any, a GPU if there is one, else the host. Raises InputError for what is no provider, DeviceError
    where a GPU alone is named and there is none.
    """
    listed = _listed(providers, provider_options)
    here = cuda_devices()
    for name, options in listed:
        if name in _GPU or name == OWN:
            index = _index(options)
            if index < here:
                return SessionPlace(f"cuda:{index}", [CUDA, CPU], _asked(name, options))
            if name == OWN:
                return SessionPlace(HOST, [CPU], _asked(name, options))
        elif name == CPU:
            return SessionPlace(HOST, [CPU])
        else:
            warnings.warn(f"{name} is not known here and is passed over", stacklevel=3)
    if not listed:
        return SessionPlace("cuda:0", [CUDA, CPU]) if here else SessionPlace(HOST, [CPU])
    named = ", ".join(name for name, _ in listed)
    raise DeviceError(
        f"there is nothing here for {named}", f"there are {', '.join(get_available_providers())}"
    )


def _listed(
    providers: Providers | None, provider_options: Sequence[Mapping[str, Any]] | None
) -> list[tuple[str, Mapping[str, Any]]]:
    given = list(providers or [])
    if provider_options is not None and len(provider_options) != len(given):
        raise InputError(f"{len(provider_options)} provider options are given for {len(given)} providers")
    found: list[tuple[str, Mapping[str, Any]]] = []
    for at, each in enumerate(given):
        name, own = (each, {}) if isinstance(each, str) else each
        beside = provider_options[at] if provider_options is not None else {}
        if not isinstance(name, str) or not isinstance(own, Mapping) or not isinstance(beside, Mapping):
            raise InputError(f"a provider is a name, or a name with options, not {each!r}")
        found.append((name, {**own, **beside}))
    return found


def _index(options: Mapping[str, Any]) -> int:
    text = str(options.get("device_id", 0))
    if not text.isdigit():
        raise InputError(f"device_id is a number, not {text!r}")
    return int(text)


def _asked(name: str, options: Mapping[str, Any]) -> BuildArguments:
    """What OPTIONS of the provider NAME ask of the build; those about memory and engines have no effect."""
    if name == OWN:
        return cast(BuildArguments, {key: value for key, value in options.items() if key != "device_id"})
    if _on(options, "trt_int8_enable"):
        hint = f"('{OWN}', {{'precision': 'int8', 'calibration': TABLE}}); `glassrt calibrate` makes one"
        raise UnsupportedError("int8 needs scales", hint)
    formats = {"trt_fp16_enable": "fp16", "trt_bf16_enable": "bf16"}
    precision = next((value for key, value in formats.items() if _on(options, key)), None)
    if precision is None and name == CUDA and _on(options, "use_tf32"):
        precision = "tf32"
    return {} if precision is None else {"precision": precision}


def _on(options: Mapping[str, Any], key: str) -> bool:
    return str(options.get(key, False)).lower() in ("1", "true")
