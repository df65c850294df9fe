"""The whole path from a model to a plan: the pipeline, its rules and the build."""
