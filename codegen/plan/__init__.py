"""Makes the plan of a launch module: sources, cubins, manifest and weights."""
