"""Importers of ops that ONNX Runtime adds to the standard, most of them in the domain com.microsoft.

Its optimizer and its quantizer insert them, so exported models contain them. They are defined in ONNX
Runtime's ContribOperators.md; the onnx package has no schemas of them. Most become several ops of the graph
level, which fusion joins again.
"""
