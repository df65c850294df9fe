"""Passes within the graph level that leave less to do: canonicalize, fold, recognize."""
