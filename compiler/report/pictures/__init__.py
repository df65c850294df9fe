"""Pictures of plans: a page for browsers, and a graph for Graphviz."""
