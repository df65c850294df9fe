"""User settings of a build: precision policies, and limits of the passes."""
