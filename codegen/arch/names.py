"""From a name, or from what the driver says of a GPU, to its `ArchSpec`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from ...errors import UnsupportedError
from .features import features_of
from .known import CARDS, FITTED, LEAST, LIMITS, SUSTAINED
from .spec import ArchSpec, Card, Limits

_NAME = re.compile(r"sm_([1-9][0-9]{1,2})([af]?)(?::([a-z0-9-]+))?")
FORM = "targets look like sm_90, sm_90a or sm_90a:h100"

Entry = TypeVar("Entry")


def arch_named(text: str) -> ArchSpec:
    """The architecture that `sm_90a`, or with a card `sm_90a:h100`, names.

    Without a card it is the generation's reference card; of a generation that is not in the tables the
    figures are those of the one before. UnsupportedError for what is no name, a card that is not known or
    of another generation, and a generation before the first that the kernels run on.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise UnsupportedError(f"not a target: {text!r}", FORM)
    capability, suffix, card = int(match[1]), match[2], match[3]
    if capability < LEAST:
        raise UnsupportedError(f"unknown target {text!r}", f"the kernels need sm_{LEAST} or later")
    cards = {each.name: each for each in _before(CARDS, capability)}
    if card is not None and card not in cards:
        hint = f"these are known: {', '.join(cards)}"
        raise UnsupportedError(f"there is no card {card!r} of sm_{capability}", hint)
    return _spec(capability, suffix, cards[card] if card is not None else next(iter(cards.values())))


def arch_of_device(figures: Mapping[str, int | str]) -> ArchSpec:
    """The architecture of a GPU by FIGURES, as `runtime.cuda_device.device_figures` gives them.

    A card that is known has the figures it is known by, so that plans do not differ from those that were
    made elsewhere; another one those of its driver.
    """
    number = {key: value for key, value in figures.items() if isinstance(value, int)}
    capability = number["major"] * 10 + number["minor"]
    suffix = "a" if number["major"] >= 9 else ""
    if capability < LEAST:
        raise UnsupportedError(f"the GPU is sm_{capability}", f"the kernels need sm_{LEAST} or later")
    cards = CARDS.get(capability, ())
    title = str(figures["name"]).removeprefix("NVIDIA ")
    known = next((card for card in cards if card.title == title), None)
    spec = _spec(capability, suffix, known or _measured(capability, title, number))
    return spec if known else replace(spec, limits=_limits(spec.limits, number))


def _spec(capability: int, suffix: str, card: Card) -> ArchSpec:
    name = f"sm_{capability}{suffix}"
    limits, fitted = _before(LIMITS, capability), _before(FITTED, capability)
    return ArchSpec(name, features_of(capability, suffix), limits, card, fitted)


def _before(table: Mapping[int, Entry], capability: int) -> Entry:
    """The entry of CAPABILITY, or of the last one before."""
    return table[max(known for known in table if known <= capability)]


def _measured(capability: int, title: str, number: Mapping[str, int]) -> Card:
    """A card by the driver's figures; clocks come in kHz, and memory moves data twice in a cycle."""
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


REFERENCE = arch_named("sm_90a")  # whose kernels the host device runs where no GPU is named
