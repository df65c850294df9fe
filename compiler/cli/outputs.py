"""What commands may write over: never what they read, and files of other kinds with --force alone.

An option that names an output says so in its type, `Annotated[Path, typer.Option(...), Written(PLAN)]`; every
other path of a command is one that it reads. `guarded`, through which every command is registered, compares
them before the command begins, and gives it the option --force.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import OptionInfo

from ..files.beside import IR_SUFFIX, weights_files
from ..files.kinds import MODEL, FileKind
from . import lazy

Force = Annotated[
    bool, typer.Option("--force", help="Replace files of other kinds, too, but never an input.")
]
FORCE = "force"


@dataclass(frozen=True)
class Written:
    """The mark of an option that names a file which is written.

    kind: of that file; renews: the parameter of the file that it may replace, its own name for one that is
    read and written; beside: a file written beside it, and the kind of that.
    """

    kind: FileKind
    renews: str = ""
    beside: tuple[Callable[[Path], Path], FileKind] | None = None


@dataclass(frozen=True)
class Dumped:
    """The mark of an option that names a folder into which files with these suffixes are written."""

    suffixes: frozenset[str]


@dataclass(frozen=True)
class Read:
    """The mark of an option that names an input but is no path: what gives the path from its text."""

    path: Callable[[str], Path]


@dataclass(frozen=True)
class _Output:
    """A file that an option, by its name for users and its parameter, says to write; `main` is that beside
    which it is written, for one that the option does not name."""

    path: Path
    option: str
    parameter: str
    kind: FileKind
    renews: str = ""
    main: Path | None = None


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """COMMAND, which raises typer.BadParameter for outputs that would destroy what is there."""
    hints = get_type_hints(command, include_extras=True)
    marks = {name: _marks(hint) for name, hint in hints.items()}
    writes = any(isinstance(mark, Written) for each in marks.values() for mark in each)

    @wraps(command)
    def wrapped(**given: Any) -> None:
        force = given.pop(FORCE) if writes else False
        _check(given, marks, force)
        command(**given)

    parameters = [
        each.replace(annotation=hints[each.name]) for each in signature(command).parameters.values()
    ]
    if writes:
        parameters.append(Parameter(FORCE, Parameter.KEYWORD_ONLY, default=False, annotation=Force))
    # typer reads the signature and the annotations, as with `with_request`.
    wrapped.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapped


def _marks(hint: object) -> tuple[object, ...]:
    return tuple(getattr(hint, "__metadata__", ()))


def _check(given: Mapping[str, Any], marks: Mapping[str, Sequence[object]], force: bool) -> None:
    """Raise typer.BadParameter for a path in GIVEN, the arguments by parameter, that is not to be written."""
    inputs = list(_inputs(given, marks))
    outputs = list(_outputs(given, marks))
    for at, output in enumerate(outputs):
        _check_place(output)
        for path, parameter in inputs:
            if parameter != output.renews and _reads(path, output.path):
                text = f"{output.path} is an input of this command, which writes no file over what it reads"
                raise typer.BadParameter(text, param_hint=output.option)
        for other in outputs[:at]:
            if _same(other.path, output.path):
                raise typer.BadParameter(f"{output.path} is also {other.option}", param_hint=output.option)
        known = force or output.renews == output.parameter  # what is read is judged by its reader
        if not known and output.path.exists() and not output.kind.may_replace(output.path):
            text = f"{output.path} exists and is not {output.kind.name}; --force replaces it"
            raise typer.BadParameter(text, param_hint=output.option)
        if output.main is not None and not force and output.path.exists() and not output.main.exists():
            text = f"{output.path} exists, but {output.main}, which it would be written with, does not"
            raise typer.BadParameter(f"{text}; --force replaces it", param_hint=output.option)
    _check_dumps(given, marks, inputs)


def _check_place(output: _Output) -> None:
    if output.path.exists() and not output.path.is_file():
        text = f"{output.path} exists and is not a regular file"
        raise typer.BadParameter(text, param_hint=output.option)
    if not output.path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.path.parent}", param_hint=output.option)


def _check_dumps(
    given: Mapping[str, Any], marks: Mapping[str, Sequence[object]], inputs: Sequence[tuple[Path, str]]
) -> None:
    for name, mark in _marked(given, marks, Dumped):
        for path, _ in inputs:
            if path.suffix in mark.suffixes and _same(path.parent, given[name]):
                text = f"{given[name]} holds {path.name}, an input, over which a dump might be written"
                raise typer.BadParameter(text, param_hint=_shown(name, marks[name]))


def _inputs(given: Mapping[str, Any], marks: Mapping[str, Sequence[object]]) -> Iterator[tuple[Path, str]]:
    """The files that are read, each with the parameter that names it."""
    for name, value in given.items():
        own = marks.get(name, ())
        if any(
            isinstance(mark, Dumped) or (isinstance(mark, Written) and mark.renews != name) for mark in own
        ):
            continue
        read = next((mark.path for mark in own if isinstance(mark, Read)), None)
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if read is not None and isinstance(each, str):
                yield read(each), name
            elif isinstance(each, Path):
                yield each, name
                if each.suffix == IR_SUFFIX:
                    yield from ((weights, name) for weights in weights_files(each))


def _outputs(given: Mapping[str, Any], marks: Mapping[str, Sequence[object]]) -> Iterator[_Output]:
    for name, mark in _marked(given, marks, Written):
        path, option = given[name], _shown(name, marks[name])
        yield _Output(path, option, name, mark.kind, mark.renews)
        if mark.beside is not None:
            place, kind = mark.beside
            yield _Output(place(path), f"{option} (its {place(path).name})", name, kind, main=path)


def _marked(
    given: Mapping[str, Any], marks: Mapping[str, Sequence[object]], kind: type[Any]
) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, Path):
            yield from ((name, mark) for mark in marks.get(name, ()) if isinstance(mark, kind))


def _shown(name: str, marks: Sequence[object]) -> str:
    """The option of the parameter NAME as users write it."""
    # Inside of `Annotated`, typer keeps the first name where a default would be.
    infos = [mark for mark in marks if isinstance(mark, OptionInfo)]
    declared = [str(text) for info in infos for text in (info.default, *(info.param_decls or ()))]
    return next((text for text in declared if text.startswith("--")), name.upper())


def _reads(path: Path, output: Path) -> bool:
    """Whether OUTPUT is the input PATH, or a file that the model there has its weights in."""
    if _same(path, output):
        return True
    if not output.exists() or not MODEL.may_replace(path):
        return False
    return any(_same(each, output) for each in lazy.external_files(path))


def _same(one: Path, other: Path) -> bool:
    """Whether both paths lead to one file, through links, too."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them is not there, or no path
        return one.absolute().resolve() == other.absolute().resolve()
