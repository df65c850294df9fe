"""Networks built for several targets."""

from __future__ import annotations

from functools import lru_cache

from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings, brought_to, build, context_of
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.runtime.plan import Plan
from glassrt.testing.net import Net

H200, A100 = arch_named("sm_90a"), arch_named("sm_80")


def siblings() -> Module:
    """Two small convolutions of one input."""
    net = Net()
    x = net.input("x", 1, 256, 14, 14)
    return net.done(net.conv(x, 64, 1), net.conv(x, 64, 1))


def at(level: str, module: Module, name: str, precision: str = "fp32") -> Module:
    settings = Settings(targets=(arch_named(name),), precision=PrecisionPolicy(precision), cache=None)
    return brought_to(level, module, settings, context_of(settings))


@lru_cache
def for_several(*names: str, precision: str = "fp32") -> Plan:
    targets = tuple(map(arch_named, names))
    return build(siblings(), Settings(targets=targets, precision=PrecisionPolicy(precision))).plan
