"""Stagings: ways from global to shared memory, a file each with a template in `templates/lib/staging`."""
