"""The instructions that multiply patches of an image by weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...text.render import Template
from ..contraction.problem import Problem
from ..contraction.wgmma import COLUMNS
from .config import FewChannelsConfig
from .cost import WindowRates
from .window import LineOfTaps

WGMMA_TEMPLATE = Template("lib/few_channels/wgmma.cu.j2")
MMA_TEMPLATE = Template("lib/few_channels/mma.cu.j2")


@dataclass(frozen=True, kw_only=True)
class WindowProduct(ABC):
    """One kind of instruction: the name of its family, its template, and the features that it needs."""

    name: str
    template: Template
    needs_features: frozenset[Feature]

    @abstractmethod
    def reads(self, line: LineOfTaps) -> bool:
        """Whether it can read windows with lines as LINE."""

    @abstractmethod
    def divides(self, config: FewChannelsConfig) -> bool:
        """Whether it computes the columns of CONFIG."""

    @abstractmethod
    def rates(self, target: ArchSpec) -> WindowRates:
        """What it takes on TARGET."""

    @abstractmethod
    def header(self, problem: Problem) -> str:
        """The header of its intrinsics for the operands of PROBLEM."""

    @abstractmethod
    def math(self, problem: Problem) -> str:
        """Its intrinsic for the operands of PROBLEM, where that is not the same for all."""


@dataclass(frozen=True, kw_only=True)
class WgmmaWindows(WindowProduct):
    """By wgmma, which reads rows of 16 bytes that lie one behind another, eight at a time."""

    name: str = "few_channels_wgmma"
    template: Template = WGMMA_TEMPLATE
    needs_features: frozenset[Feature] = frozenset({Feature.WGMMA})

    def reads(self, line: LineOfTaps) -> bool:
        return line.step == 1

    def divides(self, config: FewChannelsConfig) -> bool:
        return config.block_n in COLUMNS

    def rates(self, target: ArchSpec) -> WindowRates:
        return WindowRates(target.fitted.throughput.wgmma, weights_read=1)

    def header(self, problem: Problem) -> str:
        return "wgmma" if problem.a.is_float else "wgmma_integer"

    def math(self, problem: Problem) -> str:
        return "wgmma"


@dataclass(frozen=True, kw_only=True)
class MmaWindows(WindowProduct):
    """By mma.sync, whose fragments ldmatrix gathers from rows anywhere."""

    name: str = "few_channels_mma"
    template: Template = MMA_TEMPLATE
    needs_features: frozenset[Feature] = frozenset({Feature.LDMATRIX})

    def reads(self, line: LineOfTaps) -> bool:
        return True

    def divides(self, config: FewChannelsConfig) -> bool:
        return config.block_n % 16 == 0

    def rates(self, target: ArchSpec) -> WindowRates:
        return WindowRates(target.fitted.throughput.mma, weights_read=4)

    def header(self, problem: Problem) -> str:
        return "glass"

    def math(self, problem: Problem) -> str:
        return "mma_m16n8k16" if problem.a.is_float else "mma_m16n8k32"


WGMMA, MMA = WgmmaWindows(), MmaWindows()
