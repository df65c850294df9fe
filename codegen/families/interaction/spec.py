"""The spec of an interaction for its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.graph.interaction import ROWS, Interaction
from ...request.describe import title
from ...request.request import Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from .layout import FRAGMENT, PAD, InteractionLayout

TEMPLATE = "kernels/interaction.cu.j2"


@dataclass(frozen=True)
class InteractionSpec:
    """The spec of an interaction: sizes (see `InteractionLayout`) and the C names of buffers.

    copies: for each pass, the buffers of the features that are copied in it; lookups: by feature, whether its
    row is looked up, in which column, of how many rows (zeros for others); rows: the features that are not
    looked up; index_columns: columns of the indices; pairs_known, lookups_known: whether no kernel before
    writes the pairs, or what lookups read.
    """

    name: Identifier
    title: Code
    parameters: Code
    type: Identifier
    batch: Code
    features: int
    width: int
    pairs: int
    results: int
    samples: int
    threads: int
    lines: int
    chunks: int
    together: int
    passes: int
    steps: int
    vector: int
    line_pitch: int
    product_pitch: int
    sample_elements: int
    samples_at: int
    joined: bool
    padding: int
    copies: tuple[tuple[Identifier, ...], ...]
    any_lookup: bool
    lookups: Code
    rows: tuple[int, ...]
    index_columns: int
    pairs_known: bool
    lookups_known: bool
    pair_indices: Identifier
    indices: Identifier | None
    y: Identifier


def interaction_spec(
    request: Request, op: Interaction, layout: InteractionLayout, signature: Signature
) -> InteractionSpec:
    """The spec of OP, laid out as LAYOUT."""
    reads = signature.buffers(request)
    names = [Identifier(reads[source]) for source in op.sources]
    columns = op.indices.type.shape[1] if op.indices is not None else 0
    assert isinstance(columns, int)
    return InteractionSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        type=Identifier(c_type(op.y.type.dtype)),
        batch=Code(dim_to_c(op.batch, signature.symbols)),
        features=layout.features,
        width=layout.width,
        pairs=layout.pairs,
        results=layout.results,
        samples=layout.config.samples,
        threads=layout.config.threads,
        lines=layout.lines,
        chunks=layout.chunks,
        together=layout.together,
        passes=layout.passes,
        steps=layout.width // FRAGMENT,
        vector=layout.vector,
        line_pitch=layout.width + PAD,
        product_pitch=layout.lines + PAD,
        sample_elements=layout.sample_elements,
        samples_at=layout.places_bytes,
        joined=op.joined,
        padding=op.padding,
        copies=tuple(
            tuple(names[at * layout.together : (at + 1) * layout.together]) for at in range(layout.passes)
        ),
        any_lookup=bool(op.looked_up),
        lookups=Code(", ".join(f"{{{column}, {count}}}" for column, count in _lookups(op))),
        index_columns=columns,
        rows=tuple(at for at, column in enumerate(op.columns) if column == ROWS),
        pairs_known=_known(request, [op.pairs]),
        lookups_known=op.indices is not None and _known(request, [op.indices, *op.looked_up]),
        pair_indices=Identifier(reads[op.pairs]),
        indices=None if op.indices is None else Identifier(reads[op.indices]),
        y=Identifier(signature.outputs[0]),
    )


def _known(request: Request, values: Sequence[Value]) -> bool:
    """Whether VALUES, operands of REQUEST, are there before the first kernel starts."""
    there = request.weights | request.given
    return all(request.region.arguments.index(value) in there for value in values)


def _lookups(op: Interaction) -> list[tuple[int, int]]:
    """For each source its column and its rows, zeros where it has no column."""
    found = []
    for source, column in zip(op.sources, op.columns, strict=True):
        count = source.type.shape[0]
        found.append((0, 0) if column == ROWS or not isinstance(count, int) else (column, count))
    return found
