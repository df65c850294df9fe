"""One source has every header once, behind those that it includes."""

from __future__ import annotations

from glassrt.compiler.reproducer.one_source import one_source

HEADERS = {
    "a.cuh": '#pragma once\n#include "b.cuh"\n#if defined(GLASS_HOST)\n#include "h.hpp"\n#endif\nint a;\n',
    "b.cuh": "#pragma once\n#include <vector>\nint b;\n",
    "h.hpp": '#pragma once\n#include "b.cuh"\nint h;\n',
    "host_entry.hpp": '#pragma once\n#include "a.cuh"\nint entry;\n',
    "host_runtime.hpp": "#pragma once\nint runtime;\n",
    "unused.cuh": "int unused;\n",
}


def test_headers_stand_in_order_and_once() -> None:
    text = one_source({"k": '#include "a.cuh"\nint k;\n'}, HEADERS)
    places = [text.index(f"int {name};") for name in ("b", "h", "a", "k")]
    assert places == sorted(places) and "unused" not in text
    assert all(text.count(f"int {name};") == 1 for name in "abhk")
    assert "#pragma once" not in text and '#include "' not in text and "#include <vector>" in text
    assert "#if defined(GLASS_HOST)\nint h;\n#endif" in text
    assert "namespace kernel_0 {\nint k;\n" in text and "GLASS_REGISTER(k)" in text
