"""The page docs/operators.md: per op of the standard what is done, in which types, right on how many cases.

    python -m glassrt.tests.conformance.operators docs/operators.md

Counts and types are of the public suite's cases that `expected.toml` does not list.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import onnx
from glassrt.compiler.frontend.contributed.registry import CONTRIBUTED
from glassrt.compiler.frontend.left_out import DOMAINS_LEFT_OUT, LEFT_OUT
from glassrt.compiler.frontend.registry import IMPORTERS

from .cases import cases
from .expected import reasons

HEAD = """# Operators

What GlassRT does of ONNX; `python -m glassrt.tests.conformance.operators` wrote it. *Native* ops have
importers of their own, from the opsets that are named; others are done by the *body* that the standard
gives them. *Cases* are those of the public conformance suite (onnx {version}) that are right in the
interpreter and by the emitted kernels on the `host` device, of all that are about the op; *types* are
those of the right cases, not a limit. What is not right yet is listed with reasons in
`tests/conformance/expected.toml`.

Models of opsets 1 to 6 are brought to 7 by onnx's own version converter, which the ledger records.
"""


def newest_schemas() -> list[onnx.defs.OpSchema]:
    """The newest definition of every op of the standard that is not deprecated, by name."""
    found: dict[str, onnx.defs.OpSchema] = {}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain == "" and not schema.deprecated:
            found[schema.name] = schema
    return [found[name] for name in sorted(found)]


def how(schema: onnx.defs.OpSchema) -> str:
    """How the op of SCHEMA is done; empty where it is neither done nor left out."""
    if schema.name in IMPORTERS:
        starts = sorted({start for start, _ in IMPORTERS[schema.name]})
        return "native, " + ", ".join(f"from {start}" if start else "all opsets" for start in starts)
    if schema.name in LEFT_OUT:
        return f"left out: {LEFT_OUT[schema.name]}"
    if schema.has_function or schema.has_context_dependent_function:
        return "by its body"
    return ""


def page() -> str:
    """The page in Markdown."""
    listed = reasons(cases(), kernels=True)
    right = len(cases()) - len(listed)
    total = f"{right} of the suite's {len(cases())} cases are right."
    lines = [HEAD.format(version=onnx.__version__), total, ""]
    lines += ["| op | newest | how | cases | types |", "|---|---|---|---|---|"]
    lines += [_row(schema, listed) for schema in newest_schemas()]
    lines += ["", "## Suites of whole graphs", "", "| suite | cases |", "|---|---|"]
    lines += [f"| {name} | {done} of {count} |" for name, done, count in _suites(listed)]
    lines += [
        "",
        "## Ops of ONNX Runtime (`com.microsoft`)",
        "",
        ", ".join(f"`{name}`" for name in sorted(CONTRIBUTED)) + ".",
    ]
    lines += ["", "## Left out", "", "| domain | why |", "|---|---|"]
    lines += [f"| {domain} | {why} |" for domain, why in DOMAINS_LEFT_OUT.items()]
    return "\n".join(lines) + "\n"


def _row(schema: onnx.defs.OpSchema, listed: dict[str, str]) -> str:
    own = [case for case in cases().values() if case.op == schema.name]
    done = [case for case in own if case.name not in listed]
    types = sorted(set().union(*(case.types for case in done))) if done else []
    counted = f"{len(done)} of {len(own)}" if own else ""
    cells = (schema.name, schema.since_version, how(schema) or "not yet", counted, ", ".join(types))
    return f"| {' | '.join(map(str, cells))} |"


def _suites(listed: dict[str, str]) -> Iterator[tuple[str, int, int]]:
    """Suites that are not about one op, and those of other domains: right cases, and all."""
    known = {schema.name for schema in newest_schemas()}
    for suite in sorted({case.op for case in cases().values()} - known):
        own = [name for name, case in cases().items() if case.op == suite]
        yield suite, sum(name not in listed for name in own), len(own)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
