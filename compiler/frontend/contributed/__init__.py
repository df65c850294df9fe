"""Importers of ops that ONNX Runtime adds to the standard's, most of them in the domain com.microsoft.

Its optimizer and its quantizer write them, so models come with them. They are defined in ONNX Runtime's
ContribOperators.md; the onnx package has no schemas of them. Most become several ops of the graph level,
which fusion joins again.
"""
