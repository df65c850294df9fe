"""What FlashAttention-3 reaches on an H100 SXM5: Shah et al., arXiv 2407.08608, forward passes in fp16."""

from __future__ import annotations

TOKENS = (512, 1024, 2048, 4096, 8192, 16384)
# TFLOP/s by features of a head and whether attention is causal; 16384 tokens, 2048 features of all heads.
_RATES = {
    (64, False): (333, 392, 460, 476, 496, 497),
    (64, True): (197, 265, 371, 420, 460, 473),
    (128, False): (467, 565, 625, 638, 646, 648),
    (128, True): (292, 423, 521, 579, 602, 616),
    (256, False): (482, 639, 707, 736, 746, 756),
    (256, True): (286, 427, 537, 612, 628, 642),
}


def published(features: int, causal: bool, tokens: int) -> int | None:
    """TFLOP/s of heads of FEATURES over sequences of TOKENS; None where there is no figure."""
    rates = _RATES.get((features, causal))
    return rates[TOKENS.index(tokens)] if rates is not None and tokens in TOKENS else None
