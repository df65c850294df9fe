"""The kernel families, one file or folder each, and their registry."""
