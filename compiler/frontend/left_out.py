"""The parts of ONNX that are left out for good, with the reason given to the user."""

from __future__ import annotations

_STRINGS = "it works on text, which kernels cannot hold; do this before the network"
_RANDOM = "it gives other numbers at every call, so its result can be neither checked nor repeated"
_OPTIONAL = "optional values have no shape that memory could be planned for"
SEQUENCES = (
    "sequences are resolved while a model is imported: none can be an input or output of the model or an "
    "optional value, or depend on a loop, a branch or a position that data decides"
)
_IMAGES = "decoding compressed images is the work of an image library, before the network"

LEFT_OUT: dict[str, str] = {
    **dict.fromkeys(("StringConcat", "StringNormalizer", "StringSplit", "RegexFullMatch"), _STRINGS),
    **dict.fromkeys(
        (
            "Bernoulli",
            "Multinomial",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
        ),
        _RANDOM,
    ),
    **dict.fromkeys(("Optional", "OptionalGetElement", "OptionalHasElement"), _OPTIONAL),
    "SequenceMap": SEQUENCES,
    "ImageDecoder": _IMAGES,
}

DOMAINS_LEFT_OUT: dict[str, str] = {
    "ai.onnx.ml": "trees, encoders and other models that are not networks run better in ONNX Runtime",
    "ai.onnx.preview.training": "GlassRT runs networks, and does not train them",
    "ai.onnx.training": "GlassRT runs networks, and does not train them",
    "com.microsoft.nchwc": "ONNX Runtime made them for one CPU; save the model at a lower optimization level",
}
