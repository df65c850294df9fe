"""How elements of an image come to its patch: what is loaded together, and what is computed of it."""

from __future__ import annotations

from dataclasses import dataclass

from ...request.request import Request
from ...request.signature import Signature
from ...text.render import Code
from ..contraction.binding import Contraction, prologue_code
from ..divisors import divisor
from .problem import Image, converts_alone

WORD = 4  # bytes


@dataclass(frozen=True)
class ImageLoads:
    """wide: the pixels that are brought together are loaded as one vector of each channel. words: of such a
    vector; none where it is no whole words. prologue: computes `value` from `loaded`, unless elements are
    only converted. alike: all elements of these pixels at once."""

    wide: bool
    words: int
    prologue: Code | None
    alike: bool


def image_loads(request: Request, contraction: Contraction, image: Image, signature: Signature) -> ImageLoads:
    """How the kernel of REQUEST brings IMAGE, which CONTRACTION reads."""
    wide = loads_wide(image)
    words, rest = divmod(image.line.unit * image.problem.a_stored.bytes, WORD) if wide else (0, 0)
    words = 0 if rest else words
    if converts_alone(contraction):
        return ImageLoads(wide, words, None, alike=False)
    alike = computes_alike(contraction)
    count = image.line.unit * image.line.channels if alike else 1
    return ImageLoads(wide, words, prologue_code(request, contraction, signature, count), alike)


def computes_alike(contraction: Contraction) -> bool:
    """Whether the kernel computes all elements of the image in the same way, whatever their channels.

    Then they are computed side by side, and what lies beside the channels of a pixel with them; so products
    must not show what that is, as those of integers with zero do not.
    """
    prologue = contraction.prologue
    if contraction.problem.a.is_float:
        return False
    pending, seen = [prologue.operand], {prologue.element}
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        shape = value.type.shape
        if shape != prologue.operand.type.shape and any(size != 1 for size in shape):
            return False
        pending += value.producer.inputs if value.producer is not None else ()
    return True


def loads_wide(image: Image) -> bool:
    """Whether the pixels of a chunk lie side by side in every channel, at multiples of their size, and are
    inside the image together or not."""
    steps = (
        image.problem.a_offset,
        image.image_step,
        image.channel_step,
        image.height.step,
        image.width.size,
    )
    return image.width.step == 1 and divisor(*steps) % image.line.unit == 0
