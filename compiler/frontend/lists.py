"""Lists of axes, pads, starts and so on in inputs whose length may be symbolic.

What such an input, `axes` of shape [A], say, holds is known up to the most numbers that it may have
(`dialects/core/contents.py`). Where the rank of a result depends on A, the node is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, total
from ...dialects.core.sizes.sizes import Sizes
from .call import Call
from .contents import ElementRanges, Unread, content_of, contents_behind, count_of
from .problems import Refused
from .symbolic import choose
from .tensor import Lost, Tensor


@dataclass(frozen=True)
class NumberList:
    """The first `count` of `values`; the others are 0."""

    values: tuple[Dim, ...]
    count: Dim

    @property
    def is_whole(self) -> bool:
        """Whether all of the values belong to it."""
        return self.count == len(self.values)

    def settled(self) -> NumberList:
        """This list without the values past its end, if the end is known."""
        return NumberList(self.values[: self.count], self.count) if isinstance(self.count, int) else self

    def part(self, start: Dim, most: int, sizes: Sizes) -> tuple[Dim, ...]:
        """MOST values from START on; 0 past the end."""
        if isinstance(start, int):
            return (*self.values[start : start + most], *[0] * (start + most - len(self.values)))
        return tuple(
            total(_same(start, place - index, sizes) * value for place, value in enumerate(self.values))
            for index in range(most)
        )


def _same(a: Dim, b: int, sizes: Sizes) -> Dim:
    return choose(a - b, choose(b - a, 1, 0, sizes), 0, sizes)


def number_list(
    call: Call, index: int, what: str, expected: Callable[[int], ElementRanges], most: int
) -> NumberList:
    """The numbers in the input INDEX, at most MOST where their count is a size; EXPECTED says of a count of
    them in which ranges they are.

    Raises Unread where they depend on what inputs hold, Refused where on other data.
    """
    x = call.input(index)
    content = None if isinstance(x, Lost) or x.is_known else content_of(x, call.builder.module)
    if content is not None and x.rank == 1:
        call.require(most, x.shape[0], f"{what} has at most {most} numbers")
        return NumberList(content[:most], x.shape[0]).settled()
    if not has_free_length(x):
        values = call.known_dims(index, what, expected(count_of(x)))
        return NumberList(values, len(values))
    assert x.value is not None  # a tensor has data, sizes or a value
    found = contents_behind(x.value, call.builder.module, expected(most))
    raise Unread(f"{what} depends on the data of the inputs", found)


def most_axes(x: Tensor) -> int:
    """The rank of X; 0 if X is unknown, so that an invalid list is still reported."""
    return 0 if isinstance(x, Lost) else x.rank


def has_free_length(x: Tensor) -> bool:
    """Whether X is a list in memory of symbolic length."""
    if isinstance(x, Lost) or x.is_known:
        return False
    return x.rank == 1 and not isinstance(x.shape[0], int)


def of_one_length(call: Call, lists: Sequence[NumberList], why: str) -> list[NumberList]:
    """LISTS, which must have one length, else WHY is the reason; a constant length holds for all."""
    count = next((each.count for each in lists if isinstance(each.count, int)), lists[0].count)
    for each in lists:
        call.require_equal(each.count, count, why)
    return [NumberList(each.values, count).settled() for each in lists]


def require_known_length(call: Call, index: int) -> None:
    """Raise Refused if the list of axes in the input INDEX, whose length determines a rank, has a symbolic
    length."""
    x = call.optional(index)
    if x is not None and has_free_length(x):
        raise Refused(
            f"the rank of its result depends on {x.shape[0]}, the number of its axes; give the shape of the "
            "input that holds them, as in inputs={'axes': [1]}, or --input axes=1"
        )
