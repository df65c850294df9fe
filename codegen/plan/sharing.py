"""Kernels that differ in sizes alone share their code, which takes these sizes as parameters.

Most of a build goes into compiling kernels, and many kernels of a network are the same configuration for
another number of rows, channels or positions. Every kernel is made with its sizes as numbers; those whose
texts differ in size slots (`text/size_slots.py`) alone get one text, in which each slot that differs is a
parameter. Kernels keep their names; what they share is the entry, and with it source and cubin.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..request.naming import shared_name
from ..request.parameters import SizeParameter
from ..text.provenance import without_provenance
from ..text.size_slots import SizedText, cut_at_sizes
from .sources import MadeKernel

RULE = "share-kernels"
SUMMARY = "kernels that differ in sizes alone => one kernel that takes these sizes as parameters"
MOST_SIZES = 16  # that a shared kernel takes
_NAME = "\0"  # stands for the kernel's own name in a text
_OPEN = ") {\n"
_HEAD = re.compile(rf"^GLASS_KERNEL\(.*\) {_NAME}\(.+{re.escape(_OPEN)}", re.MULTILINE)


@dataclass(frozen=True)
class _CutKernel:
    """A kernel under its name; its text without that name, whose body is cut at its size slots."""

    name: str
    kernel: MadeKernel
    head: str
    body: SizedText


def shared(made: Mapping[str, MadeKernel], apart: Collection[str] = ()) -> dict[str, MadeKernel]:
    """The kernels MADE, by name, with one text for kernels that may share it; those in APART never do."""
    alike: dict[tuple[str, ...], list[_CutKernel]] = defaultdict(list)
    for name, kernel in made.items():
        cut = None if name in apart else _cut(name, kernel)
        if cut is not None:
            alike[(cut.head, *cut.body.parts)].append(cut)
    together = {name: kernel for kernels in alike.values() for name, kernel in _joined(kernels).items()}
    return {name: together.get(name, kernel) for name, kernel in made.items()}


def _cut(name: str, kernel: MadeKernel) -> _CutKernel | None:
    """KERNEL with size slots in its body only: the functions before it do not see its parameters."""
    own = rf"\b{name}(?![A-Za-z0-9])"  # and what is named after it
    text = re.sub(own, _NAME, without_provenance(kernel.source))
    head = _HEAD.search(text)
    if head is None:
        return None
    return _CutKernel(name, kernel, text[: head.end()], cut_at_sizes(text[head.end() :]))


def _joined(kernels: Sequence[_CutKernel]) -> dict[str, MadeKernel]:
    """KERNELS, whose texts differ in sizes at most, with one text; unchanged if that needs too many
    parameters. Those that bulk copies serve may have their sizes in tensor maps alone."""
    columns = list(zip(*(each.body.sizes for each in kernels), strict=True))
    differing = list(dict.fromkeys(sizes for sizes in columns if len(set(sizes)) > 1))
    if len(kernels) == 1 or len(differing) > MOST_SIZES:
        return {}
    names = {sizes: f"size{number}" for number, sizes in enumerate(differing)}
    body = kernels[0].body.with_names(
        {at: names[sizes] for at, sizes in enumerate(columns) if sizes in names}
    )
    head = kernels[0].head.removesuffix(_OPEN) + "".join(f", const int {name}" for name in names.values())
    text = head + _OPEN + body
    entry = shared_name(kernels[0].name, text)
    source = text.replace(_NAME, entry)
    places = list(dict.fromkeys(place for each in kernels for place in each.kernel.places))
    found = {}
    for index, each in enumerate(kernels):
        own = [SizeParameter(name, sizes[index]) for sizes, name in names.items()]
        code = replace(each.kernel.code, parameters=(*each.kernel.code.parameters, *own))
        found[each.name] = MadeKernel(source, entry, code).launched_from(places)
    return found
