"""What errors about kernels take from the comments at the start of their sources."""

from __future__ import annotations

from glassrt.errors.diagnostic import Diagnostic
from glassrt.errors.head_comment import about_kernel, head_comment

SOURCE = "// k_x: relu\n// from ONNX nodes a, b\n//\n// 256 threads\nint x; // no\n// nor this\n"


def test_the_first_comments_are_one_line() -> None:
    assert head_comment(SOURCE) == "k_x: relu; from ONNX nodes a, b; 256 threads"
    assert head_comment("int x;\n// late\n") == head_comment("") == ""


def test_an_error_gets_a_note() -> None:
    (note,) = about_kernel(Diagnostic("it failed"), SOURCE).notes
    assert note.message == "the kernel is k_x: relu; from ONNX nodes a, b; 256 threads"
    assert about_kernel(Diagnostic("it failed")).notes == ()
