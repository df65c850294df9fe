"""Streams: which launches run concurrently."""
