"""The request for a build: the options that say how a model is built, parsed and turned into settings.

`with_request` gives a command those options. They are declared in `options.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from ..settings.names import HOST
from . import lazy
from .option_texts import (
    parse_inputs,
    parse_io,
    parse_names,
    parse_pairs,
    parse_ranges,
    parted_shapes,
    refused,
)
from .options import (
    AllowFallback,
    Calibration,
    DisabledRules,
    FormatOverrides,
    InPlace,
    InputTexts,
    IoTypes,
    KeptNodes,
    NoCache,
    OpsFiles,
    Precision,
    ShapeTexts,
    Targets,
    UnfusedPairs,
    UnpaddedMask,
)

if TYPE_CHECKING:
    from ..driver.build import Settings
    from ..frontend.source import InputShapes, Shapes, Source
    from ..order import BuildArguments, BuildOrder
    from ..settings.policy import PrecisionPolicy


@dataclass(frozen=True)
class BuildRequest:
    """The options of the command line that say how to build a model."""

    targets: Sequence[str] | None = None
    precision: str = "fp32"
    shapes: Shapes = field(default_factory=dict)
    inputs: InputShapes = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    cache: bool = True
    barriers: frozenset[tuple[str, str]] = frozenset()
    keep: frozenset[str] = frozenset()
    in_place: Mapping[str, str] = field(default_factory=dict)
    unpadded: str | None = None
    calibration: Path | None = None
    overrides: tuple[str, ...] = ()
    io: tuple[str, ...] = ()
    allow_fallback: bool = False
    searches: bool = False  # a search chooses the ops that run in eight bits

    @staticmethod
    def parse(
        target: Sequence[str] | None = None,
        precision: str = "fp32",
        calibration: Path | None = None,
        override: Sequence[str] | None = None,
        io: Sequence[str] | None = None,
        allow_fallback: bool = False,
        shape: Sequence[str] | None = None,
        input: Sequence[str] | None = None,
        disable_rule: Sequence[str] | None = None,
        nofuse: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        in_place: Sequence[str] | None = None,
        unpadded: str | None = None,
        no_cache: bool = False,
        ops: Sequence[Path] | None = None,
    ) -> BuildRequest:
        """The request for these options; custom ops are registered first. Raises typer.BadParameter for a
        value that cannot be parsed, and InputError for a file of OPS that fails."""
        for file in ops or ():
            lazy.load_file(file)
        ranges, inputs = parted_shapes(shape, input)
        return BuildRequest(
            targets=target or None,
            precision=precision,
            shapes=parse_ranges(ranges),
            inputs=parse_inputs(inputs),
            disabled=frozenset(disable_rule or ()),
            cache=not no_cache,
            barriers=parse_pairs(nofuse),
            keep=frozenset(keep or ()),
            in_place=parse_names(in_place),
            unpadded=unpadded,
            calibration=calibration,
            overrides=tuple(override or ()),
            io=tuple(io or ()),
            allow_fallback=allow_fallback,
        )

    @property
    def policy(self) -> PrecisionPolicy:
        """The precision policy. Raises typer.BadParameter for a format, override or type that is invalid."""
        with refused("--precision"):
            default = lazy.format_named(self.precision)
        with refused("--override"):
            overrides = [lazy.Override.parse(text) for text in self.overrides]
        with refused("--io"):
            return lazy.PrecisionPolicy(default, overrides, parse_io(self.io), self.allow_fallback)

    def settings(self, streams: int = 0) -> Settings:
        """The settings of the build, with launches on STREAMS streams, 0 for as many as should save time.
        Targets and the calibration table are checked here, before any work."""
        with refused("--target"):
            lazy.targets_of(self.targets)
        policy = self.policy
        if self.calibration is not None and not policy.quantizes and not self.searches:
            raise typer.BadParameter(f"{self.precision} uses no scales", param_hint="--calibration")
        asked: BuildArguments = {
            "target": self.targets,
            "in_place": self.in_place,
            "unpadded": self.unpadded,
            "calibration": self.calibration,
            "nofuse": self.barriers,
            "keep": self.keep,
            "disable": self.disabled,
            "streams": streams,
            "cache": self.cache,
        }
        return lazy.settings_of(asked, policy, self.searches)

    def order(self, source: Source, streams: int = 0) -> BuildOrder:
        """The order to build SOURCE so."""
        return lazy.BuildOrder(source, self.settings(streams), self.inputs, self.shapes)

    @property
    def given(self) -> bool:
        """Whether any option differs from its default; a finished plan cannot honour such an option."""
        return self != BuildRequest()

    @property
    def lowers(self) -> bool:
        """Whether any option is given that is about passes and kernels, not only about what is imported."""
        return replace(self, shapes={}, inputs={}).given


# The build options in the order of the help, each with its declaration and default. The keys are the
# parameters of `BuildRequest.parse`.
_OPTIONS: Mapping[str, tuple[object, object]] = {
    "target": (Targets, None),
    "precision": (Precision, "fp32"),
    "calibration": (Calibration, None),
    "override": (FormatOverrides, None),
    "io": (IoTypes, None),
    "allow_fallback": (AllowFallback, False),
    "shape": (ShapeTexts, None),
    "input": (InputTexts, None),
    "disable_rule": (DisabledRules, None),
    "nofuse": (UnfusedPairs, None),
    "keep": (KeptNodes, None),
    "in_place": (InPlace, None),
    "unpadded": (UnpaddedMask, None),
    "no_cache": (NoCache, False),
    "ops": (OpsFiles, None),
}
EVERY_OPTION = frozenset(_OPTIONS)
# The build options of commands that build a model only to use its plan once, on the device that they use.
ON_THE_SPOT = EVERY_OPTION - {"target"}


def with_request(options: Set[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that replaces a command's parameter `request` by OPTIONS, from which it is parsed."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def wrapped(**given: Any) -> None:
            asked = {name: given.pop(name) for name in _OPTIONS if name in options}
            command(**given, request=BuildRequest.parse(**asked))

        hints = get_type_hints(command, include_extras=True)
        parameters = [
            each
            for own in signature(command).parameters.values()
            for each in (
                _declared(options) if own.name == "request" else [own.replace(annotation=hints[own.name])]
            )
        ]
        # typer reads the signature and the annotations; both must list the options instead of `request`.
        wrapped.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {each.name: each.annotation for each in parameters}
        return wrapped

    return decorated


def _declared(options: Set[str]) -> list[Parameter]:
    return [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
        if name in options
    ]


def targets_for(device: str | None) -> list[str] | None:
    """The targets to build for in order to run on DEVICE alone; None for the default targets."""
    return [HOST] if device == HOST else None
