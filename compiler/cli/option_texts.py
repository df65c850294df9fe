"""Parses the texts of options such as `N=1,8,32`; errors are located in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from ...errors import InputError, UnsupportedError
from ...errors.option import option_error
from ...errors.rendering import excerpt
from ..settings.names import EVERY

if TYPE_CHECKING:
    from ..frontend.source import InputShapes, Shapes

# How the text of an option is written.
_FORMS = {
    "shape": "write N=MIN,OPT,MAX, or N=8 to fix it",
    "input": "write NAME=D0,D1,..., as in data=N,3,224,224",
    "size": "write N=8",
    "in-place": "write OUT=IN, as in present=past",
    "nofuse": "write A:B, or A::B where names contain colons",
}


@contextmanager
def refused(option: str) -> Iterator[None]:
    """Turn an error about the value of OPTION into a usage error."""
    try:
        yield
    except (InputError, UnsupportedError) as error:
        found = error.diagnostic
        text = f"{error.message}; {error.hint}" if error.hint else error.message
        lines = [] if found.span is None else excerpt(found.span, found.label)
        raise typer.BadParameter("\n  ".join((text, *lines)), param_hint=option) from error


@dataclass(frozen=True)
class _Given:
    """A text NAME=VALUES of OPTION; VALUES are given with their offsets in it."""

    option: str
    text: str
    name: str
    values: tuple[tuple[str, int], ...]

    def error(self, message: str, at: tuple[int, int] | None = None) -> InputError:
        """An error about the characters AT of the text, or about all of it."""
        return option_error(InputError, self.option, self.text, message, _FORMS[self.option], at=at)

    def integers(self) -> list[int]:
        """The values as numbers. Raises InputError for anything else."""
        for value, start in self.values:
            if not _is_integer(value):
                raise self.error(f"{value!r} is not a number", (start, start + len(value)))
        return [int(value) for value, _ in self.values]

    @property
    def listed(self) -> tuple[int, int]:
        """The positions of the values in the text."""
        return self.text.rindex("=") + 1, len(self.text)


def parse_ranges(texts: Sequence[str] | None) -> Shapes:
    """The range (min, opt, max) of each symbol, from texts such as `N=1,8,32` or `N=8`.

    Raises typer.BadParameter.
    """
    ranges = {}
    with refused("--shape"):
        for given in _pairs(texts, "shape"):
            numbers = given.integers()
            if len(numbers) not in (1, 3):
                raise given.error(f"{given.name} needs MIN,OPT,MAX or one number", given.listed)
            ranges[given.name] = (numbers[0], numbers[len(numbers) // 2], numbers[-1])
    return ranges


# A shape as trtexec writes it: data:8x3x224x224.
_CROSSED = re.compile(r"(?P<name>.+)[:=](?P<dims>[0-9]+(?:x[0-9]+)+)")


def with_commas(text: str) -> str | None:
    """The shape of an input in TEXT, `data=8x3x224x224` or `data:8x3x224x224`, as we write it; None where it
    is written otherwise."""
    found = _CROSSED.fullmatch(text)
    return None if found is None else f"{found['name']}={found['dims'].replace('x', ',')}"


def parted_shapes(shapes: Sequence[str] | None, inputs: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The texts of --shape, without shapes of inputs in trtexec's form, and those of --input with them."""
    crossed = [with_commas(text) for text in shapes or ()]
    ranges = [text for text, other in zip(shapes or (), crossed, strict=True) if other is None]
    return ranges, [*(inputs or ()), *(text for text in crossed if text is not None)]


def parse_inputs(texts: Sequence[str] | None) -> InputShapes:
    """The dimensions of each input, from texts such as `data=N,3,224,224`; non-numbers are symbolic.

    Raises typer.BadParameter.
    """
    with refused("--input"):
        return {
            given.name: [int(value) if _is_integer(value) else value for value, _ in given.values]
            for given in _pairs([with_commas(text) or text for text in texts or ()], "input")
        }


def parse_sizes(texts: Sequence[str] | None) -> Mapping[str, int]:
    """The value of each symbol, from texts such as `N=8`. Raises typer.BadParameter."""
    sizes = {}
    with refused("--size"):
        for given in _pairs(texts, "size"):
            if len(given.values) != 1:
                raise given.error(f"{given.name} needs one number", given.listed)
            (sizes[given.name],) = given.integers()
    return sizes


def parse_percentiles(text: str) -> tuple[float, ...]:
    """Percentiles from a text such as `50,99.9`. Raises typer.BadParameter."""
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no list of numbers", param_hint="--percentile") from None


def parse_pairs(texts: Sequence[str] | None) -> frozenset[tuple[str, str]]:
    """Pairs of node names from texts such as `A:B`, or `A::B` where names contain colons.

    Raises typer.BadParameter.
    """
    pairs = set()
    with refused("--nofuse"):
        for text in texts or ():
            one, separator, other = text.partition("::" if "::" in text else ":")
            if not separator or not one or not other:
                message = f"{text!r} is not of the form A:B"
                raise option_error(InputError, "nofuse", text, message, _FORMS["nofuse"])
            pairs.add((one, other))
    return frozenset(pairs)


def parse_names(texts: Sequence[str] | None) -> dict[str, str]:
    """By output the input whose memory it takes, from texts such as `present=past`. Raises
    typer.BadParameter."""
    found: dict[str, str] = {}
    with refused("--in-place"):
        for text in texts or ():
            output, equals, input = text.partition("=")
            if not equals or not output or not input or output in found:
                message = (
                    f"{output} is given twice" if output in found else f"{text!r} is not of the form OUT=IN"
                )
                raise option_error(InputError, "in-place", text, message, _FORMS["in-place"])
            found[output] = input
    return found


def parse_io(texts: Sequence[str]) -> dict[str, str]:
    """Element types by input or output: `NAME=fp16` is for one, `fp16` for all of them.

    Raises InputError for a name that is given twice.
    """
    types: dict[str, str] = {}
    for text in texts:
        name, equals, word = text.rpartition("=")
        if (name if equals else EVERY) in types:
            message, at = f"{name or 'a type for all'} is given twice", (0, len(name or text))
            raise option_error(InputError, "io", text, message, at=at, label="again")
        types[name if equals else EVERY] = word
    return types


def _pairs(texts: Sequence[str] | None, option: str) -> list[_Given]:
    """TEXTS, each NAME=VALUES, split at the last `=`, as names may contain one."""
    pairs: dict[str, _Given] = {}
    for text in texts or ():
        name, equals, values = text.rpartition("=")
        given = _Given(option, text, name, tuple(_split(values, len(name) + 1)) if values else ())
        if not equals or not name:
            raise given.error(f"{text!r} is not of the form NAME=VALUES")
        if name in pairs:
            message = f"{name!r} is given twice"
            raise option_error(InputError, option, text, message, at=(0, len(name)), label="again")
        pairs[name] = given
    return list(pairs.values())


def _split(values: str, start: int) -> Iterator[tuple[str, int]]:
    """VALUES, which begin at offset START, split at commas outside of brackets: floordiv(h, 2) is one."""
    depth, begin = 0, 0
    for place, character in enumerate(f"{values},"):
        depth += (character == "(") - (character == ")")
        if character == "," and (depth == 0 or place == len(values)):
            value = values[begin:place]
            yield value.strip(), start + begin + len(value) - len(value.lstrip())
            begin = place + 1


def _is_integer(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
