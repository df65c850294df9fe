"""The order of a build: a model and how it is to be built, as Python callers and the command line give it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypedDict

from ..codegen.interface import ArchSpec, KernelCache, check_target
from ..errors import InputError
from ..runtime.manifest import MAX_STREAMS
from ..runtime.whole_files import WholeFolder, path_of
from .driver.build import Settings, chosen_targets, present_arch
from .driver.clock import Progress
from .frontend.source import InputShapes, Shapes, Source
from .passes.debug import Sink
from .precision.scales.table import CalibrationTable
from .settings.options import Options
from .settings.policy import PrecisionPolicy, as_policy


class BuildArguments(TypedDict, total=False):
    """The options of a build, which all functions that build a model take; `glassrt.compile` says what they
    mean."""

    target: str | Sequence[str] | None
    precision: str | PrecisionPolicy
    shapes: Shapes | None
    inputs: InputShapes | None
    in_place: Mapping[str, str] | None
    unpadded: str | None
    calibration: CalibrationTable | str | os.PathLike[str] | None
    nofuse: Iterable[tuple[str, str]]
    keep: Iterable[str]
    disable: Iterable[str]
    streams: int
    cache: bool
    dump_dir: str | os.PathLike[str] | None
    print_ir: Sink | None
    verify: Literal["ir", "semantics"]
    progress: Progress | None


@dataclass(frozen=True)
class BuildOrder:
    """A model (`source`), the settings to build it with, and the shapes that it is imported with."""

    source: Source
    settings: Settings
    inputs: InputShapes | None = None
    shapes: Shapes | None = None

    def telling(self, progress: Progress) -> BuildOrder:
        """The same order, whose stages PROGRESS is told."""
        return replace(self, settings=replace(self.settings, progress=progress))


def order_of(source: Source, options: BuildArguments) -> BuildOrder:
    """The order to build SOURCE with OPTIONS. Raises InputError for an option that cannot be."""
    for name in options:
        if name not in BuildArguments.__annotations__:
            close = get_close_matches(name, BuildArguments.__annotations__, 1)
            raise InputError(f"a build has no option {name!r}", f"is {close[0]} meant?" if close else None)
    policy = as_policy(options.get("precision", "fp32"))
    return BuildOrder(source, settings_of(options, policy), options.get("inputs"), options.get("shapes"))


def settings_of(options: BuildArguments, policy: PrecisionPolicy, searches: bool = False) -> Settings:
    """The settings that OPTIONS ask for, with POLICY as the precision; where a build SEARCHES, ops of it may
    go to eight bits. Raises InputError for an option that cannot be, before any work is done."""
    dump_dir = options.get("dump_dir")
    return Settings(
        targets=targets_of(options.get("target")),
        precision=policy,
        options=Options(streams=_streams(options.get("streams", 0))),
        disabled=frozenset(_names("disable", options.get("disable", ()))),
        barriers=frozenset(_pairs(options.get("nofuse", ()))),
        keep=frozenset(_names("keep", options.get("keep", ()))),
        in_place=options.get("in_place") or {},
        unpadded=_name("unpadded", options.get("unpadded")),
        calibration=_table(options.get("calibration"), policy, searches),
        cache=KernelCache() if options.get("cache", True) else None,
        dump_dir=None if dump_dir is None else WholeFolder.of(path_of(dump_dir)),
        print_ir=options.get("print_ir"),
        verify_each=_check(options.get("verify", "ir")),
        progress=options.get("progress"),
    )


def targets_of(target: str | Sequence[str] | None) -> tuple[ArchSpec, ...]:
    """The GPU targets that TARGET names, without the host; this machine's GPU for None.

    Raises InputError for an unknown target, UnsupportedError for one without kernels.
    """
    targets = chosen_targets(target, present_arch() if target is None else None)
    for each in targets:
        check_target(each.name)
    return targets


def _table(
    given: CalibrationTable | str | os.PathLike[str] | None, policy: PrecisionPolicy, searches: bool
) -> CalibrationTable | None:
    if given is None:
        return None
    if not policy.quantizes and not searches:
        raise InputError(f"calibration is for int8 and fp8, not for {policy.name}")
    return given if isinstance(given, CalibrationTable) else CalibrationTable.load(Path(given))


def _streams(count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_STREAMS:
        raise InputError(f"streams is a number from 0 to {MAX_STREAMS}, not {count!r}")
    return count


def _check(name: str) -> Literal["ir", "semantics"]:
    if isinstance(name, str) and name in ("ir", "semantics"):
        return "ir" if name == "ir" else "semantics"
    raise InputError(f"verify is 'ir' or 'semantics', not {name!r}")


def _name(argument: str, given: str | None) -> str | None:
    if given is not None and not isinstance(given, str):
        raise InputError(f"{argument} is the name of an input, not {given!r}")
    return given


def _names(argument: str, given: Iterable[str]) -> list[str]:
    """The names GIVEN for an argument. A lone text is refused: its letters would be taken for names."""
    names = [] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if isinstance(given, str) or (not names and given) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{argument} is a list of names, not {given!r}")
    return names


def _pairs(given: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    pairs = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for pair in pairs:
        named = isinstance(pair, (tuple, list)) and len(pair) == 2 and all(isinstance(n, str) for n in pair)
        if not named:
            raise InputError(f"nofuse is a list of pairs of names, such as [('a', 'b')], not {given!r}")
    return [(pair[0], pair[1]) for pair in pairs]
