"""From a launch module to a plan: sources, manifest, cubins, weights."""
