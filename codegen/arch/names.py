"""Looks up an `ArchSpec`: by the name of a target, or by the properties of a GPU that is present."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from ...errors import UnsupportedError
from ...errors.option import option_error
from .features import features_of
from .known import CARDS, FITTED, LEAST, LIMITS, SUSTAINED
from .spec import ArchSpec, Card, Limits

_NAME = re.compile(r"sm_([1-9][0-9]{1,2})([af]?)(?::([a-z0-9-]+))?")
FORM = "targets look like sm_90, sm_90a or sm_90a:h100"

Entry = TypeVar("Entry")


def arch_named(text: str) -> ArchSpec:
    """The architecture of a target name: `sm_90a`, or with a card `sm_90a:h100`.

    Without a card, choices are tuned for the generation's default card. A generation that is not in the
    tables gets the figures of the one before it. Raises UnsupportedError for text that is not a target name,
    for a card that is unknown or of another generation, and for a generation too old for the kernels.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        near = _near(text)
        hint = FORM if near is None else f"is {near} meant? {FORM}"
        raise option_error(UnsupportedError, "target", text, f"not a target: {text!r}", hint)
    capability, suffix, card = int(match[1]), match[2], match[3]
    if capability < LEAST:
        message, hint = f"the target {text!r} is too old", f"the kernels need sm_{LEAST} or later"
        raise option_error(UnsupportedError, "target", text, message, hint, at=match.span(1))
    cards = {each.name: each for each in _before(CARDS, capability)}
    if card is not None and card not in cards:
        hint = f"known cards of sm_{capability}: {', '.join(cards)}"
        message = f"unknown card {card!r} for sm_{capability}"
        raise option_error(UnsupportedError, "target", text, message, hint, at=match.span(3))
    return _spec(capability, suffix, cards[card] if card is not None else next(iter(cards.values())))


def _near(text: str) -> str | None:
    """The target that is closest to TEXT, which is none: the name of a card, a number, or a slip."""
    word = text.strip().lower()
    cards = [(card, f"sm_{number}{_suffix(number)}") for number in CARDS for card in CARDS[number]]
    named = {card.name: f"{target}:{card.name}" for card, target in cards}
    if word not in named:
        digits = re.sub(r"[^0-9af]", "", word.removeprefix("sm").removeprefix("compute"))
        if (match := _NAME.fullmatch(f"sm_{digits}")) is not None:
            return match[0] if int(match[1]) >= LEAST else None
    names = {**named, **{target: target for _, target in cards}}
    close = difflib.get_close_matches(word, names, 1, 0.6)
    return names[close[0]] if close else None


def _suffix(capability: int) -> str:
    """The suffix of the target with all features that machines of CAPABILITY have."""
    return "a" if capability >= 90 else ""


def arch_of_device(figures: Mapping[str, int | str]) -> ArchSpec:
    """The architecture of a GPU from its driver's FIGURES (see `runtime.cuda_device.device_figures`).

    A known card gets the figures of the tables, so that plans made on different machines agree; an unknown
    card gets those that its driver reports. Raises UnsupportedError for a GPU too old for the kernels.
    """
    number = {key: value for key, value in figures.items() if isinstance(value, int)}
    capability = number["major"] * 10 + number["minor"]
    suffix = _suffix(capability)
    if capability < LEAST:
        raise UnsupportedError(
            f"the GPU, sm_{capability}, is too old", f"the kernels need sm_{LEAST} or later"
        )
    cards = CARDS.get(capability, ())
    title = str(figures["name"]).removeprefix("NVIDIA ")
    known = next((card for card in cards if card.title == title), None)
    spec = _spec(capability, suffix, known or _measured(capability, title, number))
    return spec if known else replace(spec, limits=_limits(spec.limits, number))


def _spec(capability: int, suffix: str, card: Card) -> ArchSpec:
    name = f"sm_{capability}{suffix}"
    limits, fitted = _before(LIMITS, capability), _before(FITTED, capability).at_clock(card.clock)
    return ArchSpec(name, features_of(capability, suffix), limits, card, fitted)


def _before(table: Mapping[int, Entry], capability: int) -> Entry:
    """The entry of CAPABILITY, or of the highest one below it."""
    return table[max(known for known in table if known <= capability)]


def _measured(capability: int, title: str, number: Mapping[str, int]) -> Card:
    """An unknown card by its driver's figures: clocks are in kHz, and memory is double data rate."""
    like = _before(CARDS, capability)[0]
    clock = number["clock_khz"] * 1e3
    peak = 2.0 * number["memory_clock_khz"] * 1e3 * number["memory_bus_bits"] / 8
    return Card(
        name="present",
        title=title,
        multiprocessors=number["multiprocessors"],
        clock=clock,
        boost=clock,
        peak_bytes_per_second=peak,
        bytes_per_second=peak * SUSTAINED,
        l2_bytes=number["l2_bytes"],
        tensor=like.tensor,
    )


def _limits(like: Limits, number: Mapping[str, int]) -> Limits:
    return replace(
        like,
        shared_per_block=number["shared_per_block"],
        shared_per_multiprocessor=number["shared_per_multiprocessor"],
        threads_per_multiprocessor=number["threads_per_multiprocessor"],
        blocks_per_multiprocessor=number["blocks_per_multiprocessor"],
        registers_per_multiprocessor=number["registers_per_multiprocessor"],
    )


# The target that a plan without GPU targets is made for; the host device runs its kernels.
REFERENCE = arch_named("sm_90a")
