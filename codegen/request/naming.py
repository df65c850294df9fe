"""Names of kernels: readable, and equal exactly when the sources are equal."""

from __future__ import annotations

import hashlib

from ...dialects.core.printer import canonical_text
from .describe import label
from .request import Config, Request

DIGITS = 8


def kernel_name(request: Request, family: str, config: Config) -> str:
    """The name of REQUEST's kernel by FAMILY with CONFIG, such as `k_conv_add_relu_1f3a09b2`.

    The op names are followed by a hash of everything that the source depends on.
    """
    facts = [
        canonical_text(request.region),
        " ".join(str(type) for type in request.writes),
        family,
        repr(sorted(config.items())),
        repr(sorted(request.ranges.items())),
        repr(sorted(request.weights)),
        request.target.name,
    ]
    text = "\n".join(facts)
    return f"k_{label(request)}_{_digest(text)}"


def shared_name(name: str, text: str) -> str:
    """The name of the code that the kernel NAME shares with others: TEXT, without its own name."""
    return f"{name.rpartition('_')[0] or name}_{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
