"""The build of a plan from a model: the pipeline of passes, its rules, and the driver that runs it."""
