"""Which launches become one: independent ones, where together they take less time."""
