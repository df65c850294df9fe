"""Texts that the command opt is given."""

from __future__ import annotations

TWO_RULES = """module @net {
  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %a = graph.neg %x : tensor<4xf32> loc("one")
    %b = graph.neg %a : tensor<4xf32> loc("two")
    %c = graph.abs %b : tensor<4xf32> loc("three")
    %d = graph.abs %c : tensor<4xf32> loc("four")
    core.return %d
  }
}
"""
