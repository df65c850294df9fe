"""The environments of builds."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.interface import GENERATOR, compiler_identity
from glassrt.compiler.driver.build import Settings
from glassrt.compiler.search.tuning import environment
from glassrt.compiler.search.tuning.environment import NONE, environment_of, here


def test_the_host_has_no_driver_and_no_nvrtc() -> None:
    own = environment_of(Settings(), REFERENCE)
    assert (own.gpu, own.driver, own.compiler, own.generator) == ("host", NONE, NONE, GENERATOR)


def test_a_target_is_its_card_whether_that_is_here_or_not() -> None:
    card = arch_named("sm_90a:h100")
    own = environment_of(Settings(targets=(card,)), card)
    assert (own.gpu, own.target, own.compiler) == ("H100 80GB HBM3", "sm_90a", compiler_identity())


def test_a_target_is_here_if_the_gpu_is_that_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "present_arch", lambda: arch_named("sm_90a:h100"))
    assert here(arch_named("sm_90a:h100")) and not here(arch_named("sm_90a:h200"))
    monkeypatch.setattr(environment, "present_arch", lambda: None)
    assert not here(arch_named("sm_90a"))
