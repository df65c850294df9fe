"""The importer of Einsum: sums, elementwise and matrix products over labelled axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, product
from ...dialects.core.dtypes import BOOL
from ...dialects.graph.binary import Mul
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Where
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.trilu import Trilu
from ...dialects.graph.reduction import Reduce
from .call import Call, Outcome
from .problems import Malformed
from .table import Table
from .tensor import Tensor


@dataclass
class _Term:
    """A tensor with a label for each of its axes."""

    x: Tensor
    labels: str


def _einsum(call: Call) -> Outcome:
    equation = call.string("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    texts, inputs = left.split(","), call.all_inputs()
    if len(texts) != len(inputs):
        raise Malformed(f"its equation has {len(texts)} terms for {len(inputs)} inputs")
    wide = max(
        (_dots(text, x.rank) for text, x in zip(texts, inputs, strict=True) if "..." in text), default=0
    )
    names = [_labelled(text, x.rank, wide) for text, x in zip(texts, inputs, strict=True)]
    output = _output(right, wide) if arrow else _implicit(names, wide)
    if missing := set(output) - set("".join(names)):
        raise Malformed(f"its result has the axes {', '.join(sorted(missing))}, which no input has")
    sizes = _sizes(call, names, inputs)
    pairs = zip(inputs, names, strict=True)
    terms = [_squeezed(call, _diagonal(call, _Term(x, labels)), sizes) for x, labels in pairs]
    return _in_order(call, _reduced(call, terms, output), output)


# ------------------------------------------------------------ labels


def _dots(text: str, rank: int) -> int:
    return rank - len(text.replace("...", ""))


def _labelled(text: str, rank: int, wide: int) -> str:
    """TEXT with digits for the axes of its ellipsis; the last axis has the same digit in all terms of at most
    WIDE."""
    named = text.replace("...", "")
    if not all(letter.isascii() and letter.isalpha() for letter in named) or text.count("...") > 1:
        raise Malformed(f"its term '{text}' is not of letters and one ellipsis")
    count = _dots(text, rank)
    if count < 0 or (count > 0 and "..." not in text) or wide > 10:
        raise Malformed(f"its term '{text}' does not label {rank} axes")
    return text.replace("...", "0123456789"[wide - count : wide])


def _implicit(names: Sequence[str], wide: int) -> str:
    """The result's axes if not stated: those of the ellipsis, then labels that occur once."""
    letters = [label for name in names for label in name if label.isalpha()]
    return "0123456789"[:wide] + "".join(sorted(label for label in letters if letters.count(label) == 1))


def _output(text: str, wide: int) -> str:
    output = text.replace("...", "0123456789"[:wide], 1)
    if not all(letter.isascii() and letter.isalnum() for letter in output):
        raise Malformed(f"its result '{text}' is not of letters and one ellipsis")
    if len(set(output)) != len(output):
        raise Malformed(f"its result '{text}' has an axis twice")
    return output


def _sizes(call: Call, names: Sequence[str], inputs: Sequence[Tensor]) -> dict[str, Dim]:
    """The size of each label; axes of size 1 are broadcast to the others."""
    sizes: dict[str, Dim] = {}
    for name, x in zip(names, inputs, strict=True):
        for label, size in zip(name, x.shape, strict=True):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                call.require_equal(size, known, f"the axes '{label}' are of one size")
    return sizes


# ------------------------------------------------------------ single terms


def _diagonal(call: Call, term: _Term) -> _Term:
    """TERM without labels that occur twice in it: its diagonals, by masking other elements with 0 and
    summing."""
    for label in term.labels:
        places = [place for place, other in enumerate(term.labels) if other == label]
        if len(places) == 1:
            continue
        first, second = places[:2]
        call.require_equal(term.x.shape[first], term.x.shape[second], f"the axes '{label}' are of one size")
        size = term.x.shape[first]
        spread: list[Dim] = [size if place in (first, second) else 1 for place in range(term.x.rank)]
        ones = call.emit(Expand, call.constant(True, BOOL), shape=(size, size))
        upper = call.emit(Trilu, ones, upper=True, k=0)
        eye = call.emit(Reshape, call.emit(Trilu, upper, upper=False, k=0), shape=spread)
        kept = call.emit(Where, eye, term.x, call.constant(0, term.x.dtype))
        labels = term.labels[:second] + term.labels[second + 1 :]
        return _diagonal(call, _Term(_summed(call, kept, [second]), labels))
    return term


def _summed(call: Call, x: Tensor, axes: Sequence[int]) -> Tensor:
    return call.emit(Reduce, x, kind="sum", axes=axes, keepdims=False) if axes else x


def _squeezed(call: Call, term: _Term, sizes: dict[str, Dim]) -> _Term:
    """TERM without axes of size 1 that are broadcast."""
    kept = [place for place, label in enumerate(term.labels) if sizes[label] == 1 or term.x.shape[place] != 1]
    if len(kept) == len(term.labels):
        return term
    shape = [term.x.shape[place] for place in kept]
    return _Term(call.emit(Reshape, term.x, shape=shape), "".join(term.labels[place] for place in kept))


def _without(call: Call, term: _Term, needed: str) -> _Term:
    """TERM summed over the axes that are not NEEDED."""
    axes = [place for place, label in enumerate(term.labels) if label not in needed]
    return _Term(_summed(call, term.x, axes), "".join(label for label in term.labels if label in needed))


def _in_order(call: Call, term: _Term, labels: str) -> Tensor:
    """The tensor of TERM, transposed to the order of LABELS."""
    perm = [term.labels.index(label) for label in labels]
    return term.x if perm == sorted(perm) else call.emit(Transpose, term.x, perm=perm)


# ------------------------------------------------------------ products


def _reduced(call: Call, terms: Sequence[_Term], output: str) -> _Term:
    """The product of all TERMS from left to right, summed over the axes that are not in the OUTPUT."""
    whole, rest = terms[0], list(terms[1:])
    while rest:
        other = rest.pop(0)
        needed = output + "".join(term.labels for term in rest)
        whole = _without(call, whole, needed + other.labels)
        other = _without(call, other, needed + whole.labels)
        whole = _multiplied(call, whole, other, needed)
    return _without(call, whole, output)


def _multiplied(call: Call, a: _Term, b: _Term, needed: str) -> _Term:
    """A times B, summed over the axes of both that are not NEEDED."""
    both = [label for label in a.labels if label in b.labels]
    batch = "".join(label for label in both if label in needed)
    inner = "".join(label for label in both if label not in needed)
    rows = "".join(label for label in a.labels if label not in both)
    columns = "".join(label for label in b.labels if label not in both)
    left, right = _in_order(call, a, batch + rows + inner), _in_order(call, b, batch + inner + columns)
    if not inner or not a.x.dtype.is_float:
        return _by_elements(call, left, right, (batch, rows, inner, columns))
    n, m = len(batch), len(rows)
    lead, tall = left.shape[:n], left.shape[n : n + m]
    depth, wide = left.shape[n + m :], right.shape[n + len(inner) :]
    sizes = [product(part) for part in (lead, tall, depth, wide)]
    flat = call.emit(Reshape, left, shape=(sizes[0], sizes[1], sizes[2]))
    other = call.emit(Reshape, right, shape=(sizes[0], sizes[2], sizes[3]))
    made = call.emit(Reshape, call.emit(Matmul, flat, other), shape=(*lead, *tall, *wide))
    return _Term(made, batch + rows + columns)


def _by_elements(call: Call, left: Tensor, right: Tensor, parts: tuple[str, str, str, str]) -> _Term:
    """The products of all pairs of LEFT [batch, rows, inner] and RIGHT [batch, inner, columns], summed over
    inner."""
    batch, rows, inner, columns = parts
    n, m = len(batch), len(batch) + len(rows)
    first = call.emit(Reshape, left, shape=(*left.shape, *[1] * len(columns)))
    lead, rest = right.shape[:n], right.shape[n:]
    second = call.emit(Reshape, right, shape=(*lead, *[1] * len(rows), *rest))
    whole = call.emit(Mul, first, second)
    return _Term(_summed(call, whole, range(m, m + len(inner))), batch + rows + columns)


TABLE: Table = {"Einsum": [(12, _einsum)]}
