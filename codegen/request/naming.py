"""Names of kernels: readable, and equal exactly when the sources are equal."""

from __future__ import annotations

import hashlib

from ...dialects.core.printer import canonical_text
from .describe import label
from .request import Config, Request

DIGITS = 8
SIGNATURE_DIGITS = 16


def kernel_name(request: Request, family: str, config: Config) -> str:
    """The name of REQUEST's kernel by FAMILY with CONFIG, such as `k_conv_add_relu_1f3a09b2`.

    The op names are followed by a hash of everything that the source depends on.
    """
    region, writes, *others = _facts(request)
    text = "\n".join([region, writes, family, repr(sorted(config.items())), *others, request.target.name])
    return f"k_{label(request)}_{_digest(text)}"


def request_signature(request: Request) -> str:
    """What REQUEST asks for, as a name such as `conv_add_relu_1f3a09b27c55d0e4`: equal for kernels that have
    the same candidates with the same times, whatever model they are of and whoever runs them.

    The op names are followed by a hash of region, results, weights, and ranges and optimum of the symbols.
    """
    text = "\n".join([*_facts(request), repr(sorted(request.optimum.items()))])
    return f"{label(request)}_{_digest(text, SIGNATURE_DIGITS)}"


def _facts(request: Request) -> list[str]:
    """Everything in REQUEST that a source depends on, except for the target."""
    return [
        canonical_text(request.region),
        " ".join(str(type) for type in request.writes),
        repr(sorted(request.ranges.items())),
        repr(sorted(request.weights)),
        *([repr(sorted(request.given))] if request.given else []),
    ]


def shared_name(name: str, text: str) -> str:
    """The name of the code that the kernel NAME shares with others: TEXT, without its own name."""
    return f"{name.rpartition('_')[0] or name}_{_digest(text)}"


def _digest(text: str, digits: int = DIGITS) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
