"""Cuts in ONNX models: what a node reads, a part of a model as a model of its own."""
