"""Reading files that a user names, and writing arrays."""
