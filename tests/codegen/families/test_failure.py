"""Whatever a kernel family raises by mistake ends as an error that names the kernel and its nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from glassrt.codegen.families.registry import registered
from glassrt.codegen.plan.sources import made_kernels
from glassrt.codegen.request.request import Candidate, Config, KernelCode, Request
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.schedule.grouping.variants import Variants
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.launch import Kernel
from glassrt.errors import IRError, KernelError, UnsupportedError
from glassrt.testing.net import Net

from ...property.groups import launches, lowered
from ..toy_family import ToyFamily


class Slip(Exception):
    """What nobody expects."""


@dataclass(frozen=True, kw_only=True)
class FaultyFamily(ToyFamily):
    """Fails in the method called `where`, with `error`."""

    where: str = ""
    error: type[Exception] = Slip

    def candidates(self, request: Request) -> list[Candidate]:
        self._fail("candidates")
        return super().candidates(request)

    def realize(self, request: Request, config: Config) -> KernelCode:
        self._fail("realize")
        code = super().realize(request, config)
        return replace(code, spec=object()) if self.where == "render" else code

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        self._fail("resized")
        return super().resized(request, config, threads)

    def _fail(self, method: str) -> None:
        if self.where == method:
            raise self.error("lost a tile")


def product() -> Module:
    net = Net()
    return net.done(net.add(Matmul, net.input("x", 24, 48), net.weights(48, 40)))


def planned(where: str, error: type[Exception] = Slip) -> KernelError:
    """The error of a build in which the family that takes the product fails."""
    with registered(FaultyFamily(where=where, error=error)), pytest.raises(KernelError) as caught:
        build(product(), Settings(cache=None))
    return caught.value


def test_a_recursion_that_is_too_deep_is_the_model_s() -> None:
    faulty = registered(FaultyFamily(where="candidates", error=RecursionError))
    with faulty, pytest.raises(UnsupportedError, match="nest too deeply"):
        build(product(), Settings(cache=None))


@pytest.mark.parametrize("error", [Slip, TypeError, KeyError])
@pytest.mark.parametrize(("where", "doing"), [("candidates", "proposing"), ("realize", "making")])
def test_it_names_kernel_family_and_nodes(where: str, doing: str, error: type[Exception]) -> None:
    found = planned(where, error)
    assert found.message.startswith(f"the kernel family 'toy' failed while {doing} k")
    assert "(matmul" in found.message and f"{error.__name__}: " in found.message
    assert found.diagnostic.nodes == ("matmul0",) and found.diagnostic.level == "launch"
    assert type(found.__cause__) is error and found.hint
    (note,) = found.diagnostic.notes
    assert note.message.startswith("raised in test_failure.py:") and note.message.endswith("_fail")


def test_a_spec_that_its_template_cannot_render() -> None:
    found = planned("render")
    assert "failed while rendering k_matmul" in found.message and found.__cause__ is not None


def test_resizing_for_a_group() -> None:
    with registered(FaultyFamily(where="resized")):
        module, op = lowered_product()
        with pytest.raises(KernelError, match="failed while resizing"):
            Variants(module, Settings().planned[0]).resized(op, 64)


def test_a_configuration_that_is_not_legal_is_an_error_of_the_text() -> None:
    """Text may be written by hand: what a family says of its configuration is no mistake of the family."""
    with registered(ToyFamily()):
        module, op = lowered_product()
        op.config = {"threads": 128, "lanes": 4}
        with pytest.raises(IRError, match=r"cannot run it with this configuration \(TypeError: "):
            made_kernels(module, Settings().planned[0])


def lowered_product() -> tuple[Module, Kernel]:
    module, _ = lowered(product())
    (op,) = launches(module)
    return module, op


def test_errors_that_are_typed_pass_as_they_are() -> None:
    with registered(FaultyFamily(where="candidates", error=IRError)), pytest.raises(IRError) as caught:
        build(product(), Settings(cache=None))
    assert caught.value.message == "pass precision-to-launch: lost a tile"
