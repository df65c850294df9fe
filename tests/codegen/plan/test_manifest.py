"""The manifest: that its launches give what its kernels take, and name what is there."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.plan.manifest import ManifestBuilder
from glassrt.codegen.plan.sources import made_kernels

from .modules import small


def test_every_launch_gives_an_argument_for_each_parameter() -> None:
    module = small()
    made = made_kernels(module, REFERENCE)
    data = ManifestBuilder(module, made, dict.fromkeys(made, "all")).build("test", [], 0)
    assert {kernel["module"] for kernel in data["kernels"].values()} == {"all"}
    names = {entry["name"] for entry in data["buffers"]}
    for launch in data["launches"]:
        parameters = data["kernels"][launch["kernel"]]["parameters"]
        assert len(launch["arguments"]) == len(parameters)
        assert {argument["buffer"] for argument in launch["arguments"] if "buffer" in argument} <= names
