"""The kernel families, each in a file or folder of its own, and their registry."""
