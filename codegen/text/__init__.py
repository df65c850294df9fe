"""C text: literals, operators, index arithmetic, names, templates, and the checks of what comes of them."""
